/** What each part of the policy `fate` is worth: the policy without it, on benchmark A. */

import type { Benchmark } from "./benchmark.ts";
import { forAblation, inTable } from "./policy-lists.ts";

export const ablation: Benchmark = {
  summary: "the policy fate without one of its parts at a time",
  groups: (data) => {
    const source = { kind: "real-dag", ...(data === undefined ? {} : { data }) } as const;
    const common = { cluster: "hetero-8", policies: inTable(forAblation) };
    return [
      { ...common, mode: "solo", seeds: 20, workload: { ...source, count: 16 } },
      { ...common, mode: "stream-0.25", seeds: 8, workload: { ...source, count: 20, load: 0.25 } },
    ];
  },
  quick: { modes: ["solo"], seeds: [1] },
  recorded: true,
  report: "ablation",
};
