/**
 * The upper yardstick: one workflow planned whole, with true lengths, from the cluster as its description says. CP-SAT improves what
 * the best policy did, annealing what that and all policies did; both plans run in the simulator, and what it says of them and of
 * the best policy is reported, the least of it as the best plan known.
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
import { anneal } from "./anneal.ts";
import { createBounds } from "./bounds.ts";
import { Decoder, inTimeOrder } from "./decode-plan.ts";
import { createFollower } from "./follower.ts";
import { toInstance, type Instance } from "./instance.ts";
import { planByCpSat, type CpSatPlan } from "./plan-by-cp-sat.ts";
import { planOfRun } from "./plan-of-run.ts";
import type { WholePlan } from "./plan.ts";
import { relaxByCpSat } from "./relax-by-cp-sat.ts";
import { Services } from "./services.ts";

export type FullDagOptions = {
  /** Plans that each search by annealing decodes, from the best warm starts, from CP-SAT's plan and once more from the best; 0 for none. */
  readonly plans?: number;
  /** Over how many engines of one host a stage may be split. */
  readonly mostShards?: number;
  readonly seed?: number;
  /** Whose runs the searches start from. */
  readonly warmStarts?: { readonly [name: string]: PolicyEntry };
  /** Work that CP-SAT may do on a plan, in its own seconds; none unless said. */
  readonly cpSatSeconds?: number;
  /** The largest workflow that CP-SAT is given to plan. */
  readonly cpSatMostStages?: number;
  /** Work that CP-SAT may do on a lower bound, in its own seconds; none unless said. */
  readonly proofSeconds?: number;
  readonly calibration?: Calibration;
};

export type FullDagPlan = {
  readonly workflow: WorkflowId;
  /** Of the best plan known; simulated, from a cold cluster, as all latencies here. */
  readonly latencyUs: number;
  /** What found it first: a policy by its name, `cp-sat`, or `annealing`. */
  readonly source: string;
  /** The best warm start. */
  readonly policyUs: number;
  /** CP-SAT's plan, or the best warm start if that is no slower; absent where CP-SAT was not asked. */
  readonly cpSat?: { readonly latencyUs: number } & Omit<CpSatPlan, "plan">;
  /** The best plan of the annealing; absent if there was none. */
  readonly annealedUs?: number;
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
/** Warm starts that are annealed. */
const mostAnnealed = 3;
/** Measured in `docs/bounds.md`: up to here CP-SAT improves most plans within its limit, beyond few. */
export const defaultCpSatMostStages = 128;

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
  const { warmStarts = defaultWarmStarts, calibration = shippedCalibration, proofSeconds = 0 } = options;
  const costs = createCostModel(cluster, models, calibration);
  const alone = { ...workflow, arrivalUs: 0 };
  const run = (policy: PolicyEntry): Run => runCold(alone, models, cluster, policy, calibration);
  const runs = Object.entries(warmStarts).map(([name, policy]) => ({ name, ...run(policy) }));
  runs.sort((left, right) => left.latencyUs - right.latencyUs);
  const [best] = runs;
  assert(best !== undefined, "a plan needs a warm start");
  const instance = toInstance(alone, costs);
  const plans = instance === undefined ? {} : await searchPlans(instance, runs, options);
  const latencyOf = (plan: WholePlan | undefined): number =>
    instance === undefined || plan === undefined ? Infinity : run(createFollower(instance, plan)).latencyUs;
  const cpSatUs = latencyOf(plans.cpSat?.plan);
  const annealedUs = latencyOf(plans.annealed);
  let found = { latencyUs: best.latencyUs, source: best.name };
  if (cpSatUs < found.latencyUs) found = { latencyUs: cpSatUs, source: "cp-sat" };
  const cpSat = plans.cpSat && {
    latencyUs: found.latencyUs,
    improved: plans.cpSat.improved,
    optimal: plans.cpSat.optimal,
  };
  if (annealedUs < found.latencyUs) found = { latencyUs: annealedUs, source: "annealing" };

  const bounds = createBounds(costs);
  const bound = bounds(alone, { start: "cold" });
  const plain = bounds(alone, { start: "cold", retained: false });
  const proof =
    instance === undefined || proofSeconds === 0
      ? undefined
      : await relaxByCpSat(alone, costs, {
          lowerUs: bound.lowerUs,
          upperUs: found.latencyUs,
          cpSatSeconds: proofSeconds,
        });
  const lowerUs = Math.max(bound.lowerUs, proof?.boundUs ?? 0);
  return {
    workflow: workflow.id,
    ...found,
    policyUs: best.latencyUs,
    ...(cpSat === undefined ? {} : { cpSat }),
    ...(plans.annealed === undefined ? {} : { annealedUs }),
    warmStartsUs: Object.fromEntries(runs.map(({ name, latencyUs }) => [name, latencyUs])),
    lowerUs,
    plainLowerUs: Math.max(lowerUs, plain.lowerUs),
    provenOptimal: found.latencyUs <= lowerUs,
    ...(proof === undefined ? {} : { modelBoundUs: proof.boundUs, provenOptimalInModel: proof.optimal }),
  };
}

type Plans = { readonly cpSat?: CpSatPlan; readonly annealed?: WholePlan };

/** CP-SAT from the best run; annealing from the best few and from CP-SAT's plan, then once more from the best of what came out, with less heat. */
async function searchPlans(
  instance: Instance,
  runs: readonly Run[],
  {
    plans = defaultPlans,
    mostShards = 2,
    seed = 1,
    cpSatSeconds = 0,
    cpSatMostStages = defaultCpSatMostStages,
  }: FullDagOptions,
): Promise<Plans> {
  const services = new Services(instance);
  const decoder = new Decoder(instance, services);
  const sorted = (plan: WholePlan): WholePlan => inTimeOrder(plan, decoder.decode(plan));
  const starts = runs.flatMap(({ events }) => planOfRun(instance, events) ?? []).map(sorted);
  const [known] = starts;
  if (known === undefined) return {};
  let cpSat: CpSatPlan | undefined;
  if (cpSatSeconds > 0 && instance.stages.length <= cpSatMostStages) {
    cpSat = await planByCpSat(instance, services, known, cpSatSeconds);
    cpSat = { ...cpSat, plan: sorted(cpSat.plan) };
  }
  if (plans === 0) return { ...(cpSat && { cpSat }) };
  const rng = createRng(seed, "full-dag");
  const annealed = [...starts.slice(0, mostAnnealed), ...(cpSat === undefined ? [] : [cpSat.plan])].map(
    (start, index) => anneal(instance, services, start, rng.stream(`start ${index}`), { plans, mostShards }),
  );
  const best = annealed.reduce((least, each) => (each.endUs < least.endUs ? each : least));
  const again = anneal(instance, services, best.plan, rng.stream("again"), { plans, mostShards, hottest: 0.01 });
  return { ...(cpSat && { cpSat }), annealed: again.endUs < best.endUs ? again.plan : best.plan };
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
