/** What the machine must have for the gateway to start: a free port, a journal that can be written. */

import { EngineFault } from "../../adapter/engine-fault.ts";
import type { Config } from "../config.ts";
import { finding, type Finding } from "./finding.ts";
import type { Surroundings } from "./surroundings.ts";

/** For whatever holds the port to answer. */
const probeMs = 2000;

export async function inspectMachine(config: Config, world: Surroundings): Promise<readonly Finding[]> {
  return [await inspectPort(config, world), await inspectJournal(config, world)];
}

async function inspectPort({ listen: { host, port } }: Config, world: Surroundings): Promise<Finding> {
  try {
    await world.tryListen(host, port);
    return finding("fine", "port", port === 0 ? "any free one" : `${port} is free`);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EADDRINUSE" && (await isServed(host, port, world)))
      return finding(
        "note",
        "port",
        `a gateway already serves at ${port}`,
        "a second one needs a listen.port of its own",
      );
    if (code === "EADDRINUSE")
      return finding("fault", "port", `${port} is taken`, "stop what listens there, or set listen.port");
    if (code === "EACCES") return finding("fault", "port", `${port} is not for this user`, "take one above 1023");
    return finding(
      "fault",
      "port",
      `cannot listen on ${host} (${code})`,
      "set listen.host to an address of this machine",
    );
  }
}

/** Only a gateway has one of these paths and not the other; with keys it has it for those who have one. */
async function isServed(host: string, port: number, { probe }: Surroundings): Promise<boolean> {
  const origin = `http://${toReached(host)}:${port}`;
  const statusOf = (path: string): Promise<number | undefined> =>
    probe(`${origin}${path}`, {}, AbortSignal.timeout(probeMs)).then(
      ({ status }) => status,
      () => undefined,
    );
  const [there, absent] = await Promise.all([statusOf("/fate/status"), statusOf("/fate/")]);
  return (there === 200 || there === 401) && absent === 404;
}

/** What listens on all addresses is reached on loopback. */
function toReached(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

async function inspectJournal({ journal: { to, path } }: Config, world: Surroundings): Promise<Finding> {
  if (to === "store") return finding("fine", "journal", "in the store");
  if (path === undefined) return finding("note", "journal", "none is written", "journal: { write: true }");
  try {
    await world.tryWrite(path);
    return finding("fine", "journal", path);
  } catch (error) {
    return finding(
      "fault",
      "journal",
      `${path} cannot be written (${codeOf(error)})`,
      "set journal.path, or its rights",
    );
  }
}

/** Why something failed, in a word or a line. */
export function codeOf(error: unknown): string {
  if (error instanceof EngineFault) return `${error.request}: ${error.found}`;
  if (!(error instanceof Error)) return "unknown";
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string") return code;
  return error.cause === undefined ? error.message.slice(0, 100) : codeOf(error.cause);
}
