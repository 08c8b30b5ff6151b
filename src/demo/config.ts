/** The demo's gateways: the built-in configuration under one policy, with a journal of its own. */

import type { Config } from "../gateway/config/config.ts";
import { embeddedConfig } from "../gateway/config/embedded.ts";

export type DemoConfigOptions = {
  readonly policy: string;
  readonly seed: number;
  /** How many times faster than their GPUs the engines work. */
  readonly speed: number;
  readonly journal: string;
};

/** Bounds on waiting are a person's, so they are scaled with everything else. */
export function createDemoConfig({ policy, seed, speed, journal }: DemoConfigOptions): Config {
  const config = embeddedConfig({});
  const scaled = (ms: number): number => Math.max(1, Math.round(ms / speed));
  return {
    ...config,
    policy,
    seed,
    listen: { ...config.listen, port: 0 },
    engines: config.engines.map((engine) => ({ ...engine, speed })),
    queue: { ...config.queue, hardestWaitMs: scaled(hardestWaitMs), giveUpMs: longestRunMs },
    store: { ...config.store, kind: "memory" },
    journal: { ...config.journal, to: "file", path: journal, maxBytes: 2 ** 40 },
    log: { ...config.log, level: "silent" },
  };
}

/** Two minutes: several models may have to be loaded before it is a call's turn. */
const hardestWaitMs = 120_000;
/** No call of the demo is given up: the comparison is of whole workloads. */
const longestRunMs = 600_000;
