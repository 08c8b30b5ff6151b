/** Splits the items of a stage over engines of one host, so that the shares end as nearly together as whole items allow. */

import { candidateCost, type Known } from "../cost/candidate.ts";
import type { HostId } from "../model/cluster.ts";
import { sumTerms } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState } from "../state/engine-state.ts";
import { feasibleEngines, pickLeast } from "./choose.ts";
import { canBegin, toCandidate, type Candidate, type CandidateShare } from "./picture.ts";

/**
 * The split over at most `mostShards` engines that ends first; undefined where no host has two engines that could begin now.
 * Of a host's engines, those are taken that would end the whole stage first.
 */
export function bestShards(picture: Known, stage: VisibleModelStage, mostShards: number): Candidate | undefined {
  let best: Candidate | undefined;
  for (const engines of engineSets(picture, stage).values()) {
    const most = Math.min(mostShards, engines.length, stage.items);
    for (let shards = 2; shards <= most; shards++) {
      const candidate = toShards(picture, stage, engines.slice(0, shards));
      if (best === undefined || candidate.endUs < best.endUs) best = candidate;
    }
  }
  return best;
}

/** Per host, the engines that could begin now, the earliest to end first. A prefill engine hands whole stages over, never shares. */
function engineSets(picture: Known, stage: VisibleModelStage): ReadonlyMap<HostId, readonly EngineState[]> {
  const able = feasibleEngines(picture, stage).filter(
    (engine) => engine.holding.engine.role === "both" && canBegin(stage, engine),
  );
  const endUs = new Map(able.map((engine) => [engine, toCandidate(picture, stage, engine).endUs]));
  able.sort((left, right) => (endUs.get(left) ?? 0) - (endUs.get(right) ?? 0));
  return Map.groupBy(able, (engine) => engine.holding.host.id);
}

function toShards(picture: Known, stage: VisibleModelStage, engines: readonly EngineState[]): Candidate {
  const shareOf = (engine: EngineState, items: number): CandidateShare => {
    return { engine, items, cost: candidateCost(picture, stage, engine, { items, shards: engines.length }) };
  };
  const counts = balanceItems(
    stage.items,
    engines.map((engine) => (items) => sumTerms(shareOf(engine, items).cost)),
  );
  const shares = engines.map((engine, index) => shareOf(engine, counts[index] ?? 0));
  return { shares, endUs: picture.nowUs + Math.max(...shares.map(({ cost }) => sumTerms(cost))) };
}

/**
 * How many items each share takes, at least one, so that the latest ends as early as moving items can make it. `endUs` gives
 * a share's end by its number of items and never falls as they grow. From an even split, ever smaller runs of items move away
 * from the share that ends last: as many steps as the logarithm of the items, a few times over.
 */
export function balanceItems(items: number, endUs: readonly ((items: number) => number)[]): number[] {
  const counts = endUs.map((_, index) => Math.floor(items / endUs.length) + (index < items % endUs.length ? 1 : 0));
  const endOf = (index: number, more = 0): number => endUs[index]?.((counts[index] ?? 0) + more) ?? Infinity;
  const indexes = [...counts.keys()];
  for (let step = Math.max(1, items >> 1); step >= 1;) {
    const from = pickLeast(indexes, (index) => -endOf(index)) ?? 0;
    const others = indexes.filter((index) => index !== from);
    const to = pickLeast(others, (index) => endOf(index, step)) ?? from;
    if ((counts[from] ?? 0) > step && endOf(to, step) < endOf(from)) {
      counts[from] = (counts[from] ?? 0) - step;
      counts[to] = (counts[to] ?? 0) + step;
    } else {
      step >>= 1;
    }
  }
  return counts;
}
