/** What the machine must have for the gateway to start: a free port, a journal that can be written, files that are there. */

import { EngineFault } from "../../adapter/engine-fault.ts";
import type { Config } from "../config.ts";
import { finding, type Finding } from "./finding.ts";
import type { Surroundings } from "./surroundings.ts";

export async function inspectMachine(config: Config, world: Surroundings): Promise<readonly Finding[]> {
  return [
    await inspectPort(config, world),
    await inspectJournal(config, world),
    ...(await inspectFiles(config, world)),
  ];
}

async function inspectPort({ listen: { host, port } }: Config, world: Surroundings): Promise<Finding> {
  try {
    await world.tryListen(host, port);
    return finding("fine", "port", port === 0 ? "any free one" : `${port} is free`);
  } catch (error) {
    const code = codeOf(error);
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

async function inspectFiles(config: Config, world: Surroundings): Promise<readonly Finding[]> {
  const wanted = config.engines.flatMap(({ id, files }) =>
    Object.values(files).map((path) => [`engine ${id}`, path] as const),
  );
  const findings: Finding[] = [];
  for (const [about, path] of wanted) {
    try {
      await world.tryRead(path);
    } catch (error) {
      findings.push(
        finding("fault", about, `${path} cannot be read (${codeOf(error)})`, "mend the path or its rights"),
      );
    }
  }
  return findings;
}

/** Why something failed, in a word or a line. */
export function codeOf(error: unknown): string {
  if (error instanceof EngineFault) return `${error.request}: ${error.found}`;
  if (!(error instanceof Error)) return "unknown";
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string") return code;
  return error.cause === undefined ? error.message.slice(0, 100) : codeOf(error.cause);
}
