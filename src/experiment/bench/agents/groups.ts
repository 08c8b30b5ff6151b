/** Results of the benchmark `agents`, by place and policy. */

import { mean } from "../../../measure/statistics.ts";
import { requiredScale } from "../../agents/outcome.ts";
import type { AgentsSource } from "../../agents/source.ts";
import type { BenchResult } from "../run-bench.ts";
import type { Runs } from "./contrast.ts";

/** A workload on a cluster. */
export type AgentsPlace = {
  readonly cluster: string;
  readonly workload: string;
  readonly load: number;
  readonly error: number;
};

/** Results of one workload on one cluster, by policy in the order of the cells and then by seed. */
export type AgentsGroup = {
  readonly place: AgentsPlace;
  readonly byPolicy: ReadonlyMap<string, readonly BenchResult[]>;
  readonly runs: readonly Runs[];
};

export function toAgentsGroups(results: readonly BenchResult[]): readonly AgentsGroup[] {
  const groups = Map.groupBy(results, ({ cluster, mode }) => JSON.stringify([cluster, mode]));
  return [...groups.values()].flatMap((own): readonly AgentsGroup[] => {
    const [first] = own;
    if (first === undefined) return [];
    const { workload, load, error } = first.spec.workload as AgentsSource;
    const byPolicy = Map.groupBy(own, ({ spec }) => spec.policy as string);
    const runs = [...byPolicy].map(([policy, each]) => ({ policy, values: valuesOf(each) }));
    return [{ place: { cluster: first.cluster, workload, load, error }, byPolicy, runs }];
  });
}

function valuesOf(results: readonly BenchResult[]): Runs["values"] {
  const ratios = results.map(({ result }) => result.ratios ?? []);
  return {
    req95: ratios.map((list) => requiredScale(list, 0.95)),
    req99: ratios.map((list) => requiredScale(list, 0.99)),
    mean: ratios.map((list) => meanOf(list)),
  };
}

/** Of the workflows that ended. */
export function meanOf(ratios: readonly (number | null)[]): number {
  return mean(ratios.filter((ratio) => ratio !== null));
}

/** As `fate bench` names it. */
export function modeOf({ workload, load, error }: Omit<AgentsPlace, "cluster">): string {
  return `${workload}-load-${load}${error === 0 ? "" : `-error-${error}`}`;
}
