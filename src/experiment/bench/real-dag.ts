/** Benchmark A: recorded graphs as LLM workflows, one after another and as streams, on three clusters. */

import type { Benchmark, Group } from "./benchmark.ts";
import { few, inTable, onHetero, onOthers, told } from "./policy-lists.ts";

const clusters = ["hetero-8", "a100-8", "h100-4-a100-4"] as const;
const loads = [0.15, 0.25, 0.4] as const;
const solo = { count: 16, seeds: 20 };
const stream = { count: 20, seeds: 8 };
/** Sequences side by side on an engine of `solo-batched`: items of several stages. */
const batched = 64;

export const realDag: Benchmark = {
  summary: "recorded graphs as LLM workflows, one after another and as streams, on three clusters",
  groups: (data) => clusters.flatMap((cluster) => groupsOn(cluster, data)),
  quick: {
    clusters: ["hetero-8"],
    modes: ["solo", "stream-0.25"],
    policies: inTable(few),
    seeds: [1, 2],
  },
  recorded: true,
  shown: { cluster: "hetero-8", mode: "solo" },
  report: "policies",
};

function groupsOn(cluster: string, data: string | undefined): readonly Group[] {
  const policies = inTable(cluster === "hetero-8" ? onHetero : onOthers);
  const source = { kind: "real-dag", ...(data === undefined ? {} : { data }) } as const;
  const compared = { cluster, policies, told: inTable(told) };
  const oneByOne = { ...compared, seeds: solo.seeds, workload: { ...source, count: solo.count } };
  return [
    { ...oneByOne, mode: "solo" },
    ...loads.map((load) => ({
      ...compared,
      mode: `stream-${load.toFixed(2)}`,
      seeds: stream.seeds,
      workload: { ...source, count: stream.count, load },
    })),
    { ...oneByOne, mode: "solo-batched", change: { batched } },
  ];
}
