/**
 * The upper yardstick: one workflow planned whole, with true lengths, from the cluster as its description says. Starts from what
 * policies did, searches by annealing, lets the best plan run in the simulator, and reports what the simulator says: of the
 * plan, or of the best policy if that was faster.
 */

import { strict as assert } from "node:assert";
import type { Calibration } from "../cost/calibration.ts";
import { createCostModel } from "../cost/cost-model.ts";
import { shippedCalibration } from "../cost/shipped-calibration.ts";
import type { Cluster } from "../model/cluster.ts";
import type { JournalEvent } from "../model/event.ts";
import type { Model } from "../model/model.ts";
import type { Workflow, WorkflowId } from "../model/workflow.ts";
import { policies } from "../policy/policies.ts";
import type { PolicyEntry } from "../policy/policy.ts";
import { createRng } from "../random/rng.ts";
import { simulate } from "../sim/simulate.ts";
import { anneal, type Annealed } from "./anneal.ts";
import { createBounds } from "./bounds.ts";
import { Decoder, inTimeOrder } from "./decode-plan.ts";
import { createFollower } from "./follower.ts";
import { toInstance } from "./instance.ts";
import { planOfRun } from "./plan-of-run.ts";
import type { WholePlan } from "./plan.ts";
import { relaxByCpSat } from "./relax-by-cp-sat.ts";
import { Services } from "./services.ts";

export type FullDagOptions = {
  /** Plans that each search decodes; there is one search per warm start and one more from the best. */
  readonly plans?: number;
  /** Over how many engines of one host a stage may be split. */
  readonly mostShards?: number;
  readonly seed?: number;
  /** Whose runs the search starts from. */
  readonly warmStarts?: { readonly [name: string]: PolicyEntry };
  /** Work that CP-SAT may do on a proof, in its own seconds; none unless said. */
  readonly cpSatSeconds?: number;
  readonly calibration?: Calibration;
};

export type FullDagPlan = {
  readonly workflow: WorkflowId;
  /** Simulated, from a cold cluster. */
  readonly latencyUs: number;
  /** `full-dag`, or the policy that nothing found was faster than. */
  readonly source: string;
  /** Simulated latencies of the warm starts, from a cold cluster. */
  readonly warmStartsUs: { readonly [name: string]: number };
  /** The best bound that is known: of `boundsOf`, or of CP-SAT where it was asked. */
  readonly lowerUs: number;
  /** The bound for policies that retain no prefixes, as the plan does not. */
  readonly plainLowerUs: number;
  /** The latency is the bound. */
  readonly provenOptimal: boolean;
  /** What CP-SAT proved of its relaxed model, and whether it solved it. */
  readonly modelBoundUs?: number;
  readonly provenOptimalInModel?: boolean;
};

const defaultPlans = 20_000;

export const defaultWarmStarts = {
  "greedy-finish-sharded": policies["greedy-finish-sharded"],
  "heft-online": policies["heft-online"],
  kvflow: policies.kvflow,
} as const satisfies { readonly [name: string]: PolicyEntry };

/** Every warm start must be able to run the workflow. */
export async function fullDagPlan(
  workflow: Workflow,
  models: readonly Model[],
  cluster: Cluster,
  options: FullDagOptions = {},
): Promise<FullDagPlan> {
  const { warmStarts = defaultWarmStarts, calibration = shippedCalibration, cpSatSeconds = 0 } = options;
  const costs = createCostModel(cluster, models, calibration);
  const alone = { ...workflow, arrivalUs: 0 };
  const run = (policy: PolicyEntry): Run => runCold(alone, models, cluster, policy, calibration);
  const runs = Object.entries(warmStarts).map(([name, policy]) => ({ name, ...run(policy) }));
  const [best] = runs.toSorted((left, right) => left.latencyUs - right.latencyUs);
  assert(best !== undefined, "a plan needs a warm start");
  const bounds = createBounds(costs);
  const bound = bounds(alone, { start: "cold" });
  const plain = bounds(alone, { start: "cold", retained: false });
  const instance = toInstance(alone, costs);
  let found = { latencyUs: best.latencyUs, source: best.name };
  let proof: Awaited<ReturnType<typeof relaxByCpSat>> | undefined;
  if (instance !== undefined) {
    const starts = runs.flatMap(({ events }) => planOfRun(instance, events) ?? []);
    const plan = searchPlan(instance, starts, options);
    if (plan !== undefined) {
      const { latencyUs } = run(createFollower(instance, plan));
      if (latencyUs < found.latencyUs) found = { latencyUs, source: "full-dag" };
    }
    if (cpSatSeconds > 0)
      proof = await relaxByCpSat(alone, costs, { lowerUs: bound.lowerUs, upperUs: found.latencyUs, cpSatSeconds });
  }
  const lowerUs = Math.max(bound.lowerUs, proof?.boundUs ?? 0);
  return {
    workflow: workflow.id,
    ...found,
    warmStartsUs: Object.fromEntries(runs.map(({ name, latencyUs }) => [name, latencyUs])),
    lowerUs,
    plainLowerUs: Math.max(lowerUs, plain.lowerUs),
    provenOptimal: found.latencyUs <= lowerUs,
    ...(proof === undefined ? {} : { modelBoundUs: proof.boundUs, provenOptimalInModel: proof.optimal }),
  };
}

/** From every start, then once more from the best of what came out, with less heat. */
function searchPlan(
  instance: NonNullable<ReturnType<typeof toInstance>>,
  starts: readonly WholePlan[],
  { plans = defaultPlans, mostShards = 2, seed = 1 }: FullDagOptions,
): WholePlan | undefined {
  const services = new Services(instance);
  const rng = createRng(seed, "full-dag");
  let best: Annealed | undefined;
  const keep = (found: Annealed): void => {
    if (best === undefined || found.endUs < best.endUs) best = found;
  };
  const decoder = new Decoder(instance, services);
  for (const [index, start] of starts.entries()) {
    const sorted = inTimeOrder(start, decoder.decode(start));
    keep(anneal(instance, services, sorted, rng.stream(`start ${index}`), { plans, mostShards }));
  }
  if (best === undefined) return undefined;
  keep(anneal(instance, services, best.plan, rng.stream("again"), { plans, mostShards, hottest: 0.01 }));
  return best.plan;
}

type Run = { readonly latencyUs: number; readonly events: readonly JournalEvent[] };

/** Latency until the workflow's end; infinite if it was abandoned. */
export function runCold(
  workflow: Workflow,
  models: readonly Model[],
  cluster: Cluster,
  policy: PolicyEntry,
  calibration: Calibration = shippedCalibration,
): Run {
  const events: JournalEvent[] = [];
  let latencyUs = Infinity;
  const onEvent = (event: JournalEvent): void => {
    events.push(event);
    if (event.kind === "workflow-end") latencyUs = event.atUs - workflow.arrivalUs;
  };
  simulate({ workflows: [workflow], models, cluster, policy, seed: 0, calibration, onEvent });
  return { latencyUs, events };
}
