/** Whether the store can be there: a file that can be written, or a database that answers. Nothing is opened. */

import type { Config } from "../config.ts";
import { finding, type Finding } from "./finding.ts";
import { codeOf } from "./inspect-machine.ts";
import type { Surroundings } from "./surroundings.ts";

const usualPort = 5432;
const reachMs = 3000;

export async function inspectStore({ store }: Config, world: Surroundings): Promise<readonly Finding[]> {
  const { kind, path, urlEnv } = store;
  if (kind === "sqlite") return [await inspectFile(path, world)];
  if (kind === "postgres") return await inspectDatabase(urlEnv, world.env[urlEnv], world);
  return [finding("note", "store", "in memory: declared workflows end with the process", "store: { kind: sqlite }")];
}

async function inspectFile(path: string, world: Surroundings): Promise<Finding> {
  try {
    await world.tryWrite(path);
    return finding("fine", "store", path);
  } catch (error) {
    return finding("fault", "store", `${path} cannot be written (${codeOf(error)})`, "set store.path, or its rights");
  }
}

/** The address holds a password, so no more of it is shown than where it leads. That it is missing is told with other variables. */
async function inspectDatabase(
  urlEnv: string,
  address: string | undefined,
  world: Surroundings,
): Promise<readonly Finding[]> {
  if (!address) return [];
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^postgres(?:ql)?:$/.test(url.protocol))
    return [
      finding("fault", "store", `${urlEnv} holds no address of a database`, "postgres://USER:PASSWORD@HOST/DATABASE"),
    ];
  const host = url.hostname.replaceAll(/[[\]]/g, "");
  const port = Number(url.port || usualPort);
  try {
    await world.reach(host, port, AbortSignal.timeout(reachMs));
    return [finding("fine", "store", `${host}:${port} answers`)];
  } catch (error) {
    return [
      finding("fault", "store", `nothing answers at ${host}:${port} (${codeOf(error)})`, `start it, or mend ${urlEnv}`),
    ];
  }
}
