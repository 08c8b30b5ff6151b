/** Benchmark D: prefill and decode engines that serve more models than there are engines of either phase. */

import type { Benchmark } from "./benchmark.ts";
import { few, forSharedPairs, inTable, told } from "./policy-lists.ts";

const clusters = ["shared-pairs", "shared-pairs-1-3"] as const;
/** Workflows a second: from where an engine is nearly always free to where none is. */
const rates = [0.05, 0.1, 0.3, 1] as const;

export const sharedPairs: Benchmark = {
  summary: "retrieval and map-reduce over three models, on prefill and decode engines that have to share them",
  groups: () =>
    clusters.flatMap((cluster) =>
      rates.map((ratePerSecond) => ({
        cluster,
        mode: `rate-${ratePerSecond}`,
        policies: inTable(forSharedPairs),
        told: inTable(told),
        seeds: 8,
        workload: { kind: "generated", families: ["rag", "map-reduce"], count: 100, ratePerSecond },
      })),
    ),
  quick: {
    clusters: ["shared-pairs"],
    modes: ["rate-0.1", "rate-1"],
    policies: inTable(few),
    seeds: [1, 2],
  },
  recorded: false,
  shown: { cluster: "shared-pairs", mode: "rate-0.3" },
  report: "policies",
};
