/** Benchmark C: workflows of agents, revealed as they go, on clusters of batching engines. */

import { clusterNames } from "../../../catalogue/clusters.ts";
import type { Benchmark, Group } from "../benchmark.ts";
import { modeOf } from "./groups.ts";
import { everywhere, few, studied, withErrors, withoutPairs, withoutPairsWithErrors } from "./policies.ts";

const clusters = ["homo", "het1", "het2", "het3", "het3-kv", "qhom", "qhet", "both"].filter((name) =>
  clusterNames.includes(name),
);
/** Those whose engines differ. */
export const heterogeneous: readonly string[] = ["het1", "het2", "het3", "het3-kv", "qhet", "both"];
/** No engine there is for one phase alone. */
const undivided = "both";
const workloads = ["chat", "bfcl", "lats", "mapred", "mixed"] as const;
const loads = [0.9, 1.5, 3] as const;
/** A workflow of lats has about 160 calls. */
const countOf = (workload: string): number => (workload === "lats" ? 100 : 400);
const seeds = 5;
const errors = [0.1, 0.3] as const;
/** Where single parts of the subject are looked at. */
const isStudied = (workload: string, load: number): boolean =>
  (workload === "mixed" || workload === "bfcl") && load === 3;

export const agents: Benchmark = {
  summary: "agents' workflows, revealed as they go, on clusters whose engines batch",
  // What matters most comes first, so that a run that ends early has it.
  groups: () => [...gridOf(0), ...errors.flatMap(gridOf)],
  quick: { clusters: ["het1"], modes: ["chat-load-0.9", "bfcl-load-3"], policies: few, seeds: [1, 2] },
  recorded: false,
  shown: { cluster: "het1", mode: "mixed-load-3" },
  report: "agents",
};

function gridOf(error: number): readonly Group[] {
  return clusters.flatMap((cluster) =>
    workloads.flatMap((workload) =>
      loads.map((load): Group => ({
        cluster,
        mode: modeOf({ workload, load, error }),
        policies: [
          ...(error > 0 ? withErrors : isStudied(workload, load) ? studied : everywhere),
          ...(cluster === undivided ? (error > 0 ? withoutPairsWithErrors : withoutPairs) : []),
        ],
        seeds,
        workload: { kind: "agents", workload, load, error, count: countOf(workload) },
      })),
    ),
  );
}
