/** How far policies are from the bound, from CP-SAT's plan and from the best plan known, workflow by workflow from a cold cluster, and on average. */

import { meanInterval, type Interval } from "../measure/interval.ts";
import type { Cluster } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";
import type { Workflow } from "../model/workflow.ts";
import type { PolicyEntry } from "../policy/policy.ts";
import { tellTruth } from "./tell-truth.ts";
import { fullDagPlan, runCold, type FullDagOptions, type FullDagPlan } from "./full-dag.ts";

/** Means of ratios of latencies. */
export type DistanceRow = {
  readonly policy: string;
  readonly toBound: Interval;
  /** Over the workflows that CP-SAT holds; absent if there are none. */
  readonly toCpSat?: Interval;
  readonly toBest: Interval;
  /** Workflows on which nothing found is faster. */
  readonly unbeaten: number;
};

export type DistanceTable = {
  readonly workflows: number;
  readonly rows: readonly DistanceRow[];
  /** From the best warm start to CP-SAT's plan to the best plan known, over the workflows that CP-SAT holds. */
  readonly cpSat?: {
    readonly workflows: number;
    /** Where it found a plan better than its hint, and where it proved that there is none in its model. */
    readonly improved: number;
    readonly optimal: number;
    readonly policyToCpSat: Interval;
    readonly toBound: Interval;
    readonly toBest: Interval;
  };
  /** How far the best plan known may be from the best there is: what the bound leaves open. */
  readonly bestToBound: Interval;
  /** The same if prefixes are not retained. */
  readonly bestToPlainBound: Interval;
  /** Workflows whose plan is proven to be the best. */
  readonly proven: number;
};

/** One workflow: its plans, and how long each policy took. A policy may have been faster than the plan and then is the best known. */
export type Distance = {
  readonly plan: FullDagPlan;
  readonly latenciesUs: { readonly [policy: string]: number };
};

export type DistanceOptions = FullDagOptions & {
  readonly policies: { readonly [name: string]: PolicyEntry };
  /** Those that are told the truth: what they reach is no policy's latency, but counts as a plan. */
  readonly told?: { readonly [name: string]: PolicyEntry };
};

export async function distanceOf(
  workflow: Workflow,
  models: readonly Model[],
  cluster: Cluster,
  { policies, told = {}, ...options }: DistanceOptions,
): Promise<Distance> {
  const plan = await fullDagPlan(workflow, models, cluster, options);
  let { latencyUs, source } = plan;
  const latenciesUs: Record<string, number> = {};
  const note = (name: string, tookUs: number): void => {
    latenciesUs[name] = tookUs;
    if (tookUs < latencyUs) [latencyUs, source] = [tookUs, name];
  };
  const alone = { ...workflow, arrivalUs: 0 };
  const run = (flow: Workflow, policy: PolicyEntry): number =>
    runCold(flow, models, cluster, policy, options.calibration).latencyUs;
  for (const [name, policy] of Object.entries(policies)) {
    const known = options.warmStarts?.[name] === policy ? plan.warmStartsUs[name] : undefined;
    note(name, known ?? run(alone, policy));
  }
  for (const [name, policy] of Object.entries(told)) note(name, run(tellTruth(alone), policy));
  return { plan: { ...plan, latencyUs, source }, latenciesUs };
}

/** The same policies for every workflow. */
export function tabulateDistances(distances: readonly Distance[]): DistanceTable {
  const over = (some: readonly Distance[], ratio: (distance: Distance) => number): Interval =>
    meanInterval(some.map(ratio));
  const held = distances.filter(({ plan }) => plan.cpSat !== undefined);
  const cpSatUs = ({ plan }: Distance): number => plan.cpSat?.latencyUs ?? Infinity;
  const rows = Object.keys(distances[0]?.latenciesUs ?? {}).map((policy): DistanceRow => {
    const us = ({ latenciesUs }: Distance): number => latenciesUs[policy] ?? Infinity;
    return {
      policy,
      toBound: over(distances, (each) => us(each) / each.plan.lowerUs),
      ...(held.length === 0 ? {} : { toCpSat: over(held, (each) => us(each) / cpSatUs(each)) }),
      toBest: over(distances, (each) => us(each) / each.plan.latencyUs),
      unbeaten: distances.filter((each) => us(each) === each.plan.latencyUs).length,
    };
  });
  return {
    workflows: distances.length,
    rows,
    ...(held.length === 0
      ? {}
      : {
          cpSat: {
            workflows: held.length,
            improved: held.filter(({ plan }) => plan.cpSat?.improved === true).length,
            optimal: held.filter(({ plan }) => plan.cpSat?.optimal === true).length,
            policyToCpSat: over(held, (each) => each.plan.policyUs / cpSatUs(each)),
            toBound: over(held, (each) => cpSatUs(each) / each.plan.lowerUs),
            toBest: over(held, (each) => cpSatUs(each) / each.plan.latencyUs),
          },
        }),
    bestToBound: over(distances, ({ plan }) => plan.latencyUs / plan.lowerUs),
    bestToPlainBound: over(distances, ({ plan }) => plan.latencyUs / plan.plainLowerUs),
    proven: distances.filter(({ plan }) => plan.provenOptimal).length,
  };
}
