/** All policies by name. A new one is a file and a line here. */

import { createGreedyFinish } from "./greedy-finish.ts";
import { heftOnline } from "./heft-online.ts";
import { heft } from "./heft/heft.ts";
import { leastLoaded } from "./least-loaded.ts";
import { modelAffinity } from "./model-affinity.ts";
import type { PolicyEntry } from "./policy.ts";
import { powerOfTwo } from "./power-of-two.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round-robin.ts";

export const policies = {
  "round-robin": { plan: roundRobin, summary: "each stage on the next engine in turn" },
  random: { plan: random, summary: "each stage on an engine drawn at random" },
  "power-of-two": { plan: powerOfTwo, summary: "the less loaded of two engines drawn at random" },
  "least-loaded": { plan: leastLoaded, summary: "the engine with the fewest shares" },
  "model-affinity": { plan: modelAffinity, summary: "the least loaded engine that holds the model" },
  "greedy-finish": {
    plan: createGreedyFinish({ hold: true, mostShards: 1 }),
    summary: "the engine on which the stage ends first, held until that engine can begin",
  },
  "greedy-finish-sharded": {
    plan: createGreedyFinish({ hold: true, mostShards: 2 }),
    summary: "greedy-finish that may split a stage's items over two engines of a host",
  },
  "greedy-commit": {
    plan: createGreedyFinish({ hold: false, mostShards: 1 }),
    summary: "the engine on which the stage ends first, queued there at once",
  },
  heft: { plan: heft, summary: "each workflow planned on arrival by upward rank and insertion, then followed" },
  "heft-online": { plan: heftOnline, summary: "greedy-finish with the ready stages in order of upward rank" },
} as const satisfies Record<string, PolicyEntry>;
