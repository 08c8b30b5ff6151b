/** Results of a benchmark that never ran: four workflows, three seeds, policies of known speed. */

import type { BenchResult } from "../../../../src/experiment/bench/run-bench.ts";
import type { PolicyName } from "../../../../src/experiment/cell.ts";

/** Latencies relative to the baseline's. */
const speeds = {
  "round-robin": 1,
  "greedy-finish-sharded": 0.5,
  "heft-online": 0.75,
  fate: 0.25,
  "fate-residency": 0.375,
};

export function madeUpLatencies(cluster: string, mode: string): readonly BenchResult[] {
  return [1, 2, 3].flatMap((seed) =>
    Object.entries(speeds).map(([policy, speed]): BenchResult => {
      const spec = {
        workload: { kind: "real-dag", count: 4 },
        cluster,
        policy: policy as PolicyName,
        seed,
        faults: {},
        check: false,
      } as const;
      const latenciesUs = [8, 16, 24, 32].map((seconds) => seconds * seed * speed * 1e6);
      const boundsUs = [1, 2, 3, 4].map((seconds) => seconds * seed * 1e6);
      const wall = { totalMs: 9, planMs: 6, plans: 3, planSteps: [[14, 3]] } as const;
      const result = {
        spec,
        workload: "w",
        metrics: { loads: 7 },
        latenciesUs,
        boundsUs,
        notes: [],
        violations: [],
        wall,
      };
      return { cluster, mode, spec, result };
    }),
  );
}

/** How late workflows are, relative to the slowest. */
const paces = {
  hexagent: 1,
  "fcfs@least-loaded": 2,
  "las@projected": 1.5,
  "edf@projected": 1.25,
  "hexagent-queued": 3,
};

export function madeUpAgents(cluster: string): readonly BenchResult[] {
  return [1, 2].flatMap((seed) =>
    Object.entries(paces).map(([policy, pace]): BenchResult => {
      const workload = { kind: "agents", workload: "mixed", load: 3, error: 0, count: 100 } as const;
      const spec = { workload, cluster, policy: policy as PolicyName, seed, faults: {}, check: false };
      const ratios = Array.from({ length: 100 }, (_, index) => (index + 1) * pace * seed);
      const metrics = { kvMeanShare: 0.25, fairness: 1.5, boundReq95: 0.5, boundReq99: 0.75 };
      const wall = { totalMs: 9, planMs: 6, plans: 3, planSteps: [[14, 3]] } as const;
      const result = { spec, workload: "w", metrics, latenciesUs: [], ratios, notes: [], violations: [], wall };
      return { cluster, mode: "mixed-load-3", spec, result };
    }),
  );
}
