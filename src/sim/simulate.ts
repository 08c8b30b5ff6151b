/**
 * Runs a workload on a cluster under a policy, in simulated time: take the next thing that happens, let it happen, and
 * once an instant is over, ask the policy and then let engines take up work, so that a decision counts at its instant.
 */

import { createCostModel } from "../cost/cost-model.ts";
import type { Calibration } from "../cost/calibration.ts";
import { canServe, isReachable, type Known } from "../cost/candidate.ts";
import { shippedCalibration } from "../cost/shipped-calibration.ts";
import type { Cluster } from "../model/cluster.ts";
import type { JournalEvent, WorkflowAbandon } from "../model/event.ts";
import type { Model } from "../model/model.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { Workflow } from "../model/workflow.ts";
import type { PolicyEntry } from "../policy/policy.ts";
import { createRng } from "../random/rng.ts";
import type { EngineState } from "../state/engine-state.ts";
import type { OpenWorkflow } from "../state/workflow-state.ts";
import { BatchedEngine } from "./batched-engine.ts";
import { carryOut } from "./carry-out.ts";
import { serveExclusive } from "./exclusive-engine.ts";
import { createLoss, scheduleFaults, type Faults } from "./faults.ts";
import { Feed } from "./feed.ts";
import { observeCluster } from "./observation.ts";
import { Roles } from "./roles.ts";
import type { Floor } from "./share-steps.ts";
import { World } from "./world.ts";

export type SimulationOptions = {
  /** In order of arrival. Taken one at a time, so that a generator can feed more than memory holds. */
  readonly workflows: Iterable<Workflow>;
  /** Each workflow arrives when the one before it is over. */
  readonly oneAtATime?: boolean;
  readonly models: readonly Model[];
  readonly cluster: Cluster;
  readonly policy: PolicyEntry;
  /** Decides the policy's luck and the faults, never the workload. */
  readonly seed: number;
  readonly calibration?: Calibration;
  readonly faults?: Faults;
  /** Called with every record, in order. */
  readonly onEvent?: (event: JournalEvent) => void;
  /** Wall time of one plan, measured by a caller that has a clock: called before and after each. */
  readonly onPlan?: (moment: "start" | "end") => void;
};

export type SimulationResult = {
  readonly events: number;
  readonly endUs: number;
  readonly plans: number;
};

export function simulate(options: SimulationOptions): SimulationResult {
  const world = new World(createCostModel(options.cluster, options.models, options.calibration ?? shippedCalibration));
  if (options.onEvent !== undefined) world.listen(options.onEvent);
  const faults = options.faults ?? {};
  const feed = new Feed(world, options.workflows, options.oneAtATime ?? false);
  const floor: Floor = { world, feed, roles: new Roles(world), losesResult: createLoss(faults, options.seed) };
  const planner = createPlanner(floor, options, observeCluster(world, faults.staleUs ?? 0));
  const serve = createServer(floor);
  scheduleFaults(world, faults, options.seed);
  feed.scheduleNext();

  for (;;) {
    while (world.queue.essential > 0) {
      const next = world.queue.take();
      if (next === undefined) break;
      world.advanceTo(next.atUs);
      next.run();
      // An instant is over when nothing more is scheduled for it.
      while (world.queue.nextAtUs !== world.nowUs && settle(floor, serve, planner.plan));
    }
    if (!abandonOne(floor, planner.known())) break;
    while (settle(floor, serve, planner.plan));
  }
  return { events: world.events, endUs: world.nowUs, plans: planner.count() };
}

/** Asks the policy if something changed, or else lets roused engines work; false when there is nothing left to do at this instant. */
function settle({ world, roles }: Floor, serve: (index: number) => void, plan: () => void): boolean {
  if (world.changed) {
    world.changed = false;
    plan();
    return true;
  }
  const waiting = world.takeAfterPlan();
  for (const run of waiting) run();
  const roused = world.takeRoused();
  for (const id of roused) serve(world.state.cluster.indexOf(id));
  roles.look();
  return waiting.length + roused.length > 0;
}

/** Has an engine look after its queue. */
function createServer(floor: Floor): (index: number) => void {
  const batched = new Map<number, BatchedEngine>();
  for (const engine of floor.world.state.cluster) {
    const { index, engine: spec } = engine.holding;
    if (spec.batching.kind === "batched") batched.set(index, new BatchedEngine(floor, engine));
  }
  return (index) => {
    const engine = batched.get(index);
    if (engine === undefined) serveExclusive(floor, floor.world.state.cluster.at(index));
    else engine.serve();
  };
}

function createPlanner(floor: Floor, { policy, seed, onPlan }: SimulationOptions, cluster: Known["cluster"]) {
  const { world } = floor;
  const { workflows } = world.state;
  const rng = createRng(seed, "policy");
  let memory: unknown;
  let count = 0;
  let wakeUs = Infinity;
  const known = (): Known => ({ nowUs: world.nowUs, cluster, workflows, costs: world.costs });

  const wakeAt = (atUs: number): void => {
    if (atUs >= wakeUs) return;
    wakeUs = atUs;
    world.queue.schedule(atUs, () => {
      if (wakeUs === atUs) wakeUs = Infinity;
      world.changed = true;
    });
  };

  const plan = (): void => {
    if (workflows.ready.length === 0 && policy.whenIdle !== true) return;
    const ready = [...workflows.ready];
    onPlan?.("start");
    const made = policy.plan({ nowUs: world.nowUs, cluster, workflows, costs: world.costs, ready, rng, memory });
    onPlan?.("end");
    count += 1;
    memory = made.memory;
    const acting = made.decisions.some((decision) => decision.kind !== "defer");
    if (acting || made.note !== undefined) {
      const note = made.note === undefined ? {} : { note: made.note };
      world.emit({ kind: "plan", ready: ready.length, decisions: made.decisions.length, ...note });
    }
    carryOut(floor, { ...known(), cluster: world.state.cluster }, made.decisions, wakeAt);
  };
  return { plan, known, count: () => count };
}

/** Nothing more can happen: gives up the oldest open workflow, and says why. False if none is open. */
function abandonOne({ world, feed }: Floor, known: Known): boolean {
  const [oldest] = world.state.workflows.open.values();
  if (oldest === undefined) return false;
  feed.abandon(oldest.id, whyStuck(world, known, oldest));
  return true;
}

function whyStuck(world: World, known: Known, workflow: OpenWorkflow): WorkflowAbandon["reason"] {
  for (const { status, stage } of workflow.stages.values()) {
    if (status !== "ready" || stage.kind === "tool") continue;
    const able = enginesFor([...world.state.cluster], stage);
    if (able.length === 0) return "no-engine";
    if (!able.some((engine) => isReachable(known, stage, engine))) return "unreachable";
  }
  return "policy-deferred";
}

/** Engines that could take the stage if they were up and reached its inputs: those that prefill only if another one decodes. */
function enginesFor(engines: readonly EngineState[], stage: VisibleModelStage): EngineState[] {
  const serving = engines.filter((engine) => canServe(stage, engine));
  const decodes = stage.kind === "embed" || serving.some((engine) => engine.role !== "prefill");
  return serving.filter(({ role }) => role === "both" || (role === "prefill" && decodes));
}
