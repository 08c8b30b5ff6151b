/** Benchmark B: trees, chains and fans in which a set part of each prompt is shared. */

import type { Benchmark } from "./benchmark.ts";
import { few, forPrefixes, inTable, told } from "./policy-lists.ts";

const shares = [0, 0.25, 0.5, 0.75, 0.9] as const;

export const prefixReuse: Benchmark = {
  summary: "trees, chains and fans of long prompts, of which 0 to 90% are shared",
  groups: () =>
    shares.map((sharedShare) => ({
      cluster: "hetero-8",
      mode: `share-${sharedShare.toFixed(2)}`,
      policies: inTable(forPrefixes),
      told: inTable(told),
      seeds: 20,
      workload: { kind: "generated", families: ["tree", "chain", "fan"], count: 16, oneAtATime: true, sharedShare },
    })),
  quick: {
    modes: ["share-0.00", "share-0.75"],
    policies: inTable(few),
    seeds: [1, 2],
  },
  recorded: false,
  shown: { cluster: "hetero-8", mode: "share-0.75" },
  report: "shares",
};
