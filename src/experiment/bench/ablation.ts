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
    const alike = { ...scarce, cluster: "a100-8" };
    return [
      { cluster, policies: inTable(forAblation), mode: "solo", seeds: 10, workload: { ...source, count: 16 } },
      { ...scarce, mode: "stream-0.25", workload: { ...source, count: 20, load: 0.25 } },
      // Where there is little to spare: residency, then reachability over the store, then locality among engines that are alike
      // and all joined by links, then prefixes among such engines with one model and nothing to swap.
      { ...scarce, mode: "loads-x0.25", workload: { ...source, count: 12 }, change: { load: 0.25 } },
      { ...scarce, mode: "outputs-x100", workload: large },
      { ...scarce, mode: "outputs-x100-links-x0.1", workload: large, change: { links: 0.1 } },
      { ...alike, mode: "outputs-x100-links-x0.03", workload: large, change: { links: 0.03 } },
      { ...alike, mode: "chains-share-0.90", workload: chains },
    ] satisfies readonly Group[];
  },
  quick: { modes: ["solo"], seeds: [1] },
  recorded: true,
  shown: { cluster: "hetero-8", mode: "solo" },
  report: "ablation",
};

const chains = {
  kind: "generated",
  families: ["chain"],
  count: 40,
  ratePerSecond: 1,
  sharedShare: 0.9,
  model: "llama-3.1-8b",
} as const;
