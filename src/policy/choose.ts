/** Small steps that many policies share: who may take a stage, which of several is best, and how to say so. */

import { canServe, isFeasible, type Known } from "../cost/candidate.ts";
import type { EngineId } from "../model/cluster.ts";
import type { Defer, Place } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState } from "../state/engine-state.ts";
import type { View } from "./policy.ts";

/** Engines that may take the stage now, in the cluster's order. */
export function feasibleEngines(known: Known, stage: VisibleModelStage): EngineState[] {
  const engines: EngineState[] = [];
  for (const engine of known.cluster) if (isFeasible(known, stage, engine)) engines.push(engine);
  return engines;
}

/** The element with the smallest score; the first of equals. */
export function pickLeast<T>(items: Iterable<T>, score: (item: T) => number): T | undefined {
  let best: T | undefined;
  let bestScore = Infinity;
  for (const item of items) {
    const own = score(item);
    if (own < bestScore || best === undefined) {
      best = item;
      bestScore = own;
    }
  }
  return best;
}

/** The most urgent first, then those of the workflow that came first, then in order of reveal. */
export function oldestFirst(view: View): VisibleModelStage[] {
  const arriveUs = (stage: VisibleModelStage): number => view.workflows.node(stage.key).workflow.arriveUs;
  return [...view.ready].sort(
    (left, right) => right.priority - left.priority || arriveUs(left) - arriveUs(right) || left.ordinal - right.ordinal,
  );
}

/** The whole stage on one engine, behind what was placed before; with a prefill engine, decoded where the fewest shares are. */
export function placeWhole(
  known: Known,
  stage: VisibleModelStage,
  engine: EngineState | undefined,
  rank = 0,
  loads: Loads = createLoads(known),
): Place | Defer {
  const decision = placeOn(stage, engine, () => pickDecodeEngine(known, stage, loads), rank);
  if (decision.kind === "place") {
    loads.add(decision.shares[0]?.engine);
    loads.add(decision.decodeEngine);
  }
  return decision;
}

/** The whole stage on one engine; `pickDecode` is asked for the second one if that engine only prefills. */
export function placeOn(
  stage: VisibleModelStage,
  engine: EngineState | undefined,
  pickDecode: () => EngineState | undefined,
  rank = 0,
): Place | Defer {
  if (engine === undefined) return defer(stage, "no-engine");
  const place = { kind: "place", stage: stage.key, shares: [{ engine: engine.id, items: stage.items }], rank } as const;
  if (!handsOver(stage, engine)) return place;
  const decodeEngine = pickDecode();
  return decodeEngine === undefined ? defer(stage, "no-engine") : { ...place, decodeEngine: decodeEngine.id };
}

export function defer(stage: VisibleModelStage, reason: Defer["reason"]): Defer {
  return { kind: "defer", stage: stage.key, reason };
}

/** Whether another engine has to decode what this one prefills. */
export function handsOver(stage: VisibleModelStage, engine: EngineState): boolean {
  return engine.role === "prefill" && stage.kind !== "embed";
}

/** May this engine decode what another one has prefilled? */
export function canDecode(stage: VisibleModelStage, engine: EngineState): boolean {
  return engine.open && engine.role !== "prefill" && canServe(stage, engine);
}

/** May the engine take the whole stage now, with another one to decode it if that is needed? */
export function canTake(known: Known, stage: VisibleModelStage, engine: EngineState): boolean {
  if (!isFeasible(known, stage, engine)) return false;
  return !handsOver(stage, engine) || pickDecodeEngine(known, stage) !== undefined;
}

/** The decode engine with the fewest shares, queued, running or on their way. */
export function pickDecodeEngine(
  known: Known,
  stage: VisibleModelStage,
  loads: Loads = createLoads(known),
): EngineState | undefined {
  return pickLeastLoaded(known, loads, (engine) => canDecode(stage, engine));
}

/** Of the engines that pass, the one with the fewest shares. Looks at every engine, but closely only at those with few. */
export function pickLeastLoaded(
  { cluster }: Known,
  loads: Loads,
  passes: (engine: EngineState) => boolean,
): EngineState | undefined {
  let best: EngineState | undefined;
  let bestLoad = Infinity;
  for (let index = 0; index < cluster.count; index++) {
    const engine = cluster.at(index);
    const load = loads.of(engine);
    if (load >= bestLoad || !passes(engine)) continue;
    best = engine;
    bestLoad = load;
  }
  return best;
}

/** Shares that an engine has. */
function loadOf(engine: EngineState): number {
  return engine.queue.length + engine.running.length;
}

/** Shares per engine while a plan is being made. */
export type Loads = {
  readonly of: (engine: EngineState) => number;
  readonly add: (engine: EngineId | undefined) => void;
};

/** What engines have, what is on its way to them from prefill engines, and what the plan adds. Costs a pass over the engines. */
export function createLoads({ cluster }: Known): Loads {
  const added = new Map<EngineId, number>();
  const add = (engine: EngineId | undefined): void => {
    if (engine !== undefined) added.set(engine, (added.get(engine) ?? 0) + 1);
  };
  for (let index = 0; index < cluster.count; index++) {
    const engine = cluster.at(index);
    if (engine.role !== "prefill") continue;
    for (const share of engine.queue) add(share.decodeEngine);
    for (const share of engine.running) add(share.decodeEngine);
  }
  return { of: (engine) => loadOf(engine) + (added.get(engine.id) ?? 0), add };
}

/** So often an engine is drawn blindly before all that pass are listed. */
const blindDraws = 16;

/** An engine that passes, each as likely as any other. Where most pass it costs a draw or two, however large the cluster. */
export function drawEngine({ cluster, rng }: View, passes: (engine: EngineState) => boolean): EngineState | undefined {
  for (let draws = 0; draws < blindDraws; draws++) {
    const engine = cluster.at(rng.below(cluster.count));
    if (passes(engine)) return engine;
  }
  const able = [...cluster].filter(passes);
  return able[rng.below(able.length)];
}
