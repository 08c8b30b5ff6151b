/** How long policies took for their plans: times of one machine and one run, kept apart from all that can be repeated. */

import { mergeSteps, stepQuantileMs } from "../plan-times.ts";
import { round, toGroups } from "./bench-file.ts";
import type { BenchResult } from "./run-bench.ts";

export type DecisionTimes = {
  readonly cluster: string;
  readonly mode: string;
  readonly policy: string;
  readonly plans: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

export function toDecisionTimes(results: readonly BenchResult[]): readonly DecisionTimes[] {
  return toGroups(results).flatMap(({ cluster, mode, byPolicy }) =>
    [...byPolicy].map(([policy, own]): DecisionTimes => {
      const walls = own.map(({ result }) => result.wall);
      const steps = mergeSteps(walls.map(({ planSteps }) => planSteps));
      const plans = walls.reduce((sum, wall) => sum + wall.plans, 0);
      const planMs = walls.reduce((sum, wall) => sum + wall.planMs, 0);
      return {
        cluster,
        mode,
        policy,
        plans,
        meanMs: round(plans === 0 ? 0 : planMs / plans),
        p50Ms: round(stepQuantileMs(steps, 0.5)),
        p99Ms: round(stepQuantileMs(steps, 0.99)),
      };
    }),
  );
}

export function renderDecisionTimes(
  benchmark: string,
  machine: string,
  decisionTimes: readonly DecisionTimes[],
): string {
  const note = "wall time of plans on this machine, beside other work; no two runs share it; quantiles to 2.5%";
  const lines = decisionTimes.map((row) => `    ${JSON.stringify(row)}`).join(",\n");
  const head = { benchmark, note, machine };
  const fields = Object.entries(head).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`);
  return `{\n${fields.join("")}  "decisionTimes": [\n${lines}\n  ]\n}\n`;
}
