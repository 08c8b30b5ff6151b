/** What each part of the policy `fate` is worth: the policy without it, on benchmark A and where single resources are scarce. */

import type { Benchmark, Group } from "./benchmark.ts";
import { forAblation, forDimensions, inTable } from "./policy-lists.ts";

export const ablation: Benchmark = {
  summary: "the policy fate without one of its parts at a time",
  groups: (data) => {
    const source = { kind: "real-dag", ...(data === undefined ? {} : { data }) } as const;
    const cluster = "hetero-8";
    const scarce = { cluster, policies: inTable(forDimensions), seeds: 6 };
    const large = { ...source, count: 12, vary: { edgeBytesScale: 100 } } as const;
    return [
      { cluster, policies: inTable(forAblation), mode: "solo", seeds: 10, workload: { ...source, count: 16 } },
      { ...scarce, mode: "stream-0.25", workload: { ...source, count: 20, load: 0.25 } },
      // Residency, reachability, locality, and prefixes where there is little to spare.
      { ...scarce, mode: "loads-x0.25", workload: { ...source, count: 12 }, change: { load: 0.25 } },
      { ...scarce, mode: "outputs-x100", workload: large },
      { ...scarce, mode: "outputs-x100-links-x0.1", workload: large, change: { links: 0.1 } },
      { ...scarce, mode: "one-model-share-0.90", workload: sharedPrompts },
    ] satisfies readonly Group[];
  },
  quick: { modes: ["solo"], seeds: [1] },
  recorded: true,
  report: "ablation",
};

const sharedPrompts = {
  kind: "generated",
  families: ["tree", "chain", "fan"],
  count: 16,
  oneAtATime: true,
  sharedShare: 0.9,
  // With one model for all there is nothing to swap, so that prefixes are what engines differ in.
  model: "llama-3.1-8b",
} as const;
