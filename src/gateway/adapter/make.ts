/** What every make of adapter is made of. */

import type { Abilities } from "./adapter.ts";
import type { EngineConfig } from "../config/config.ts";
import { EngineFault } from "./engine-fault.ts";
import { createServer, type Server } from "./server.ts";
import type { AliasOf } from "./names.ts";
import type { Pause } from "./wait-until.ts";

export type MakeOptions = {
  /** Sent with everything, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly aliasOf?: AliasOf;
  readonly pause: Pause;
};

/** A load, a wake-up or a wait for running calls that takes longer has failed. */
export const maxLoadMs = 15 * 60_000;
export const maxDrainMs = 30_000;

export function connect(config: EngineConfig, { headers }: MakeOptions, url = config.url): Server {
  if (url === undefined) throw unable(config, "start", "no url", "the address of a running server");
  return createServer({ engine: config.id, url, headers });
}

/** What the description alone says that an engine can do. */
export function toldAbilities(config: EngineConfig): Pick<Abilities, "handOff" | "priorities"> {
  return {
    priorities: config.sendsPriority,
    ...(config.handOff === undefined ? {} : { handOff: config.handOff }),
  };
}

export function unable(
  config: Pick<EngineConfig, "id">,
  request: string,
  found: string,
  expected: string,
): EngineFault {
  return new EngineFault({ kind: "unable", engine: config.id, request, found, expected });
}

export function rejectUnable(config: EngineConfig, verb: "load" | "unload"): Promise<never> {
  return Promise.reject(
    unable(config, verb, `a server of kind ${config.kind} that cannot ${verb} on demand`, "one that can"),
  );
}

/** Bounds what takes long, whoever asked for it. */
export function withinLoadTime(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(maxLoadMs)]);
}
