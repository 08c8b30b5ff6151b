/** Small steps that many policies share: who may take a stage, and which of several is best. */

import { isFeasible, type Known } from "../cost/candidate.ts";
import type { Defer, Place } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { canServe } from "../cost/candidate.ts";
import type { EngineState } from "../state/engine-state.ts";

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

/** The whole stage on one engine, behind what was placed before; with a prefill engine, decoded where the fewest shares are. */
export function placeWhole(
  known: Known,
  stage: VisibleModelStage,
  engine: EngineState | undefined,
  rank = 0,
): Place | Defer {
  if (engine === undefined) return { kind: "defer", stage: stage.key, reason: "no-engine" };
  const place = { kind: "place", stage: stage.key, shares: [{ engine: engine.id, items: stage.items }], rank } as const;
  if (engine.holding.engine.role !== "prefill" || stage.kind === "embed") return place;
  const decodeEngine = pickDecodeEngine(known, stage);
  if (decodeEngine === undefined) return { kind: "defer", stage: stage.key, reason: "no-engine" };
  return { ...place, decodeEngine: decodeEngine.id };
}

/** The decode engine with the fewest shares, queued, running or on their way. */
export function pickDecodeEngine(known: Known, stage: VisibleModelStage): EngineState | undefined {
  const able: EngineState[] = [];
  for (const engine of known.cluster) {
    if (engine.up && engine.holding.engine.role !== "prefill" && canServe(stage, engine)) able.push(engine);
  }
  return pickLeast(able, loadOf);
}

/** Shares that an engine has. */
export function loadOf(engine: EngineState): number {
  return engine.queue.length + engine.running.length;
}
