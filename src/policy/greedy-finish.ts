/**
 * Gives each stage the engine, the pair of engines, or the engines for its items on which it is expected to end first, and
 * holds it back until that engine can begin it.
 *
 * The earliest-finish rule of list scheduling with costs conditional on state: loads, transfers and prefills count only where
 * they would really happen. A stage that is held is decided anew at every event. One that has chosen an engine takes its place
 * in the picture, so that the stages behind it do not choose the same one.
 */

import { isFeasible, type Known } from "../cost/candidate.ts";
import type { Decision, Place } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState } from "../state/engine-state.ts";
import { likenessOf, type Likeness } from "./likeness.ts";
import { canDecode, createLoads, defer, handsOver, oldestFirst } from "./choose.ts";
import {
  canBegin,
  createPicture,
  foresee,
  hasPlace,
  missingLoadUs,
  toCandidate,
  waitForUs,
  type Candidate,
} from "./picture.ts";
import type { Policy, View } from "./policy.ts";
import { orShards, type AfterUs, type ShardSettings } from "./shards.ts";

export type GreedySettings = ShardSettings & {
  /** Wait in the policy until the chosen engine can begin the stage; otherwise in the engine's queue, for good. */
  readonly hold: boolean;
  /** Where stages are not to go by their ends alone. */
  readonly afterUs?: AfterUs;
};

export function createGreedyFinish(settings: GreedySettings): Policy {
  return (view) => ({ decisions: planEarliestFinish(view, oldestFirst(view), settings) });
}

/** Behind so many held stages that are alike, the next ones are held without a closer look. */
export const mostHeld = 128;

/** Lets the stages choose in the order given. */
export function planEarliestFinish(
  view: View,
  stages: readonly VisibleModelStage[],
  { hold, mostShards, afterUs = () => 0 }: GreedySettings,
): Decision[] {
  const picture = createPicture(view);
  const decisions: Decision[] = [];
  const held = new Map<Likeness, number>();
  let places = countPlaces(picture, view.costs.engines.keys());
  for (const [index, stage] of stages.entries()) {
    const likeness = likenessOf(stage);
    const heldAlike = held.get(likeness) ?? 0;
    if (hold && (places === 0 || heldAlike === mostHeld)) {
      decisions.push(defer(stage, "better-later"));
      continue;
    }
    const single = pickEarliestWhole(picture, stage, afterUs);
    if (single === undefined) {
      decisions.push(defer(stage, "no-engine"));
      continue;
    }
    const crowding = crowdingOf(stages.length - index - 1, places);
    const best = orShards(picture, stage, single, { mostShards, crowding }, { afterUs });
    const begins = best.shares.every(({ engine }) => canBegin(stage, engine));
    decisions.push(begins || !hold ? toPlace(stage, best) : defer(stage, "better-later"));
    if (!begins) held.set(likeness, heldAlike + 1);
    const engines = best.shares.map(({ engine }) => engine.holding.index);
    places -= countPlaces(picture, engines);
    foresee(picture, stage, best);
    places += countPlaces(picture, engines);
  }
  return decisions;
}

/** Of these engines, how many could take something up at once. */
export function countPlaces({ cluster }: Known, engines: Iterable<number>): number {
  let places = 0;
  for (const index of engines) if (hasPlace(cluster.at(index))) places += 1;
  return places;
}

/** How surely one of the stages behind takes a place that shards would take, from 0 to 1. */
export function crowdingOf(behind: number, places: number): number {
  return Math.min(1, behind / Math.max(1, places));
}

/**
 * The candidate that ends first, over all engines and all pairs; of equals the one on the engine named first. Engines that will
 * hold the model are looked at first: next to them most others are seen to be too late by their wait and their load alone.
 */
export function pickEarliestWhole(
  picture: Known,
  stage: VisibleModelStage,
  afterUs: AfterUs = () => 0,
): Candidate | undefined {
  let best: Candidate | undefined;
  let bestUs = Infinity;
  let bestIndex = Infinity;
  let pairs: readonly EngineState[] | undefined;
  const consider = (engine: EngineState, leastUs: number): void => {
    const laterUs = afterUs(stage, engine);
    if (picture.nowUs + leastUs + laterUs >= bestUs || !isFeasible(picture, stage, engine)) return;
    if (handsOver(stage, engine)) pairs ??= decodeEngines(picture, stage);
    for (const decodeEngine of handsOver(stage, engine) ? (pairs ?? []) : [undefined]) {
      const candidate = toCandidate(picture, stage, engine, decodeEngine);
      const { index } = engine.holding;
      const totalUs = candidate.endUs + laterUs;
      if (best !== undefined && (totalUs - bestUs || index - bestIndex) >= 0) continue;
      best = candidate;
      bestUs = totalUs;
      bestIndex = index;
    }
  };
  const { cluster } = picture;
  const cold: EngineState[] = [];
  for (let index = 0; index < cluster.count; index++) {
    const engine = cluster.at(index);
    if (!engine.up || !engine.holding.models.has(stage.model)) continue;
    if (missingLoadUs(picture, stage, engine) > 0) cold.push(engine);
    else consider(engine, waitForUs(picture, stage, engine));
  }
  for (const engine of cold)
    consider(engine, waitForUs(picture, stage, engine) + missingLoadUs(picture, stage, engine));
  return best;
}

/** With very many decode engines, only those with the fewest shares are paired with every prefill engine. */
const mostDecodeEngines = 16;

/** Decode engines that a prefill engine may hand the stage to. */
export function decodeEngines(picture: Known, stage: VisibleModelStage): readonly EngineState[] {
  const able = [...picture.cluster].filter((engine) => canDecode(stage, engine));
  if (able.length <= mostDecodeEngines) return able;
  const loads = createLoads(picture);
  return able.sort((left, right) => loads.of(left) - loads.of(right)).slice(0, mostDecodeEngines);
}

/** The decision that carries a candidate out. */
export function toPlace(stage: VisibleModelStage, { shares, decodeEngine }: Candidate): Place {
  return {
    kind: "place",
    stage: stage.key,
    shares: shares.map(({ engine, items }) => ({ engine: engine.id, items })),
    rank: 0,
    ...(decodeEngine === undefined ? {} : { decodeEngine: decodeEngine.id }),
  };
}
