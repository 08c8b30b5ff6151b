/** How far policies are from the bound and from the best plan known, workflow by workflow from a cold cluster, and on average. */

import { meanInterval, type Interval } from "../measure/interval.ts";
import type { Cluster } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";
import type { Workflow } from "../model/workflow.ts";
import type { PolicyEntry } from "../policy/policy.ts";
import { fullDagPlan, runCold, type FullDagOptions, type FullDagPlan } from "./full-dag.ts";

export type DistanceRow = {
  readonly policy: string;
  /** Mean of latency over bound, and of latency over the best plan known. */
  readonly toBound: Interval;
  readonly toBest: Interval;
  /** Workflows on which nothing found is faster. */
  readonly unbeaten: number;
};

export type DistanceTable = {
  readonly rows: readonly DistanceRow[];
  /** How far the best plan known may be from the best there is: what the bound leaves open. */
  readonly bestToBound: Interval;
  /** The same if prefixes are not retained. */
  readonly bestToPlainBound: Interval;
  /** Workflows whose plan is proven to be the best. */
  readonly proven: number;
  readonly plans: readonly FullDagPlan[];
  /** By policy, in the order of the workflows. */
  readonly latenciesUs: { readonly [policy: string]: readonly number[] };
};

export type DistanceOptions = FullDagOptions & {
  /** Those to be compared; a run of one of them can be better than the plan and then is the best known. */
  readonly policies: { readonly [name: string]: PolicyEntry };
  readonly onPlan?: (plan: FullDagPlan, index: number) => void;
};

export async function distanceTable(
  workflows: readonly Workflow[],
  models: readonly Model[],
  cluster: Cluster,
  { policies, onPlan, ...options }: DistanceOptions,
): Promise<DistanceTable> {
  const plans: FullDagPlan[] = [];
  const latenciesUs: Record<string, number[]> = Object.fromEntries(Object.keys(policies).map((name) => [name, []]));
  for (const [index, workflow] of workflows.entries()) {
    const plan = await fullDagPlan(workflow, models, cluster, options);
    let { latencyUs: bestUs, source } = plan;
    for (const [name, policy] of Object.entries(policies)) {
      const { latencyUs } = runCold({ ...workflow, arrivalUs: 0 }, models, cluster, policy, options.calibration);
      latenciesUs[name]?.push(latencyUs);
      if (latencyUs < bestUs) [bestUs, source] = [latencyUs, name];
    }
    const best = { ...plan, latencyUs: bestUs, source };
    plans.push(best);
    onPlan?.(best, index);
  }
  return tabulate(plans, latenciesUs);
}

function tabulate(plans: readonly FullDagPlan[], latenciesUs: DistanceTable["latenciesUs"]): DistanceTable {
  const over = (latencies: readonly number[], base: (plan: FullDagPlan) => number): Interval =>
    meanInterval(plans.map((plan, index) => (latencies[index] ?? 0) / base(plan)));
  const rows = Object.entries(latenciesUs).map(([policy, latencies]) => ({
    policy,
    toBound: over(latencies, ({ lowerUs }) => lowerUs),
    toBest: over(latencies, ({ latencyUs }) => latencyUs),
    unbeaten: plans.filter(({ latencyUs }, index) => latencyUs === latencies[index]).length,
  }));
  return {
    rows,
    bestToBound: over(
      plans.map(({ latencyUs }) => latencyUs),
      ({ lowerUs }) => lowerUs,
    ),
    bestToPlainBound: over(
      plans.map(({ latencyUs }) => latencyUs),
      ({ plainLowerUs }) => plainLowerUs,
    ),
    proven: plans.filter(({ provenOptimal }) => provenOptimal).length,
    plans,
    latenciesUs,
  };
}
