/** Whether the store can be there: a file that can be written, or a database that answers; and what stands in it. */

import type { Config, StoreConfig } from "../config.ts";
import { finding, type Finding } from "./finding.ts";
import { codeOf } from "./inspect-machine.ts";
import type { Surroundings } from "./surroundings.ts";

const usualPort = 5432;
const reachMs = 3000;

export async function inspectStore({ store }: Config, world: Surroundings): Promise<readonly Finding[]> {
  const { kind, urlEnv } = store;
  if (kind === "sqlite") return [await inspectFile(store, world)];
  if (kind === "postgres") return await inspectDatabase(store, world.env[urlEnv], world);
  return [finding("note", "store", "in memory: declared workflows end with the process", "store: { kind: sqlite }")];
}

async function inspectFile(store: StoreConfig, world: Surroundings): Promise<Finding> {
  const { path } = store;
  try {
    await world.tryWrite(path);
  } catch (error) {
    return finding("fault", "store", `${path} cannot be written (${codeOf(error)})`, "set store.path, or its rights");
  }
  const isThere = await world.tryRead(path).then(
    () => true,
    () => false,
  );
  const trouble = isThere ? await troubleOf(store, world) : undefined;
  return trouble ?? finding("fine", "store", path);
}

/** What is wrong with a store that can be reached. */
async function troubleOf(store: StoreConfig, { tryStore }: Surroundings): Promise<Finding | undefined> {
  try {
    await tryStore?.(store);
    return undefined;
  } catch (error) {
    return finding("fault", "store", error instanceof Error ? error.message : String(error));
  }
}

/** The address holds a password, so no more of it is shown than where it leads. That it is missing is told with other variables. */
async function inspectDatabase(
  store: StoreConfig,
  address: string | undefined,
  world: Surroundings,
): Promise<readonly Finding[]> {
  if (!address) return [];
  const { urlEnv } = store;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^postgres(?:ql)?:$/.test(url.protocol))
    return [
      finding("fault", "store", `${urlEnv} holds no address of a database`, "postgres://USER:PASSWORD@HOST/DATABASE"),
    ];
  const host = url.hostname.replaceAll(/[[\]]/g, "");
  const port = Number(url.port || usualPort);
  try {
    await world.reach(host, port, AbortSignal.timeout(reachMs));
  } catch (error) {
    return [
      finding("fault", "store", `nothing answers at ${host}:${port} (${codeOf(error)})`, `start it, or mend ${urlEnv}`),
    ];
  }
  return [(await troubleOf(store, world)) ?? finding("fine", "store", `${host}:${port} answers`)];
}
