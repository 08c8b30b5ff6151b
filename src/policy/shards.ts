/** Splits the items of a stage over engines of one host, so that the shares end as nearly together as whole items allow. */

import { candidateCost, isFeasible, type Known } from "../cost/candidate.ts";
import type { HostId } from "../model/cluster.ts";
import { sumTerms } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState } from "../state/engine-state.ts";
import { pickLeast } from "./choose.ts";
import { canBegin, toCandidate, type Candidate, type CandidateShare } from "./picture.ts";

export type ShardSettings = {
  /** Over how many engines of one host a stage with several items may be split. */
  readonly mostShards: number;
};

/** Added to the end of a stage on an engine, on a pair that begins there, or on engines that it leads: infinite where it is not to go. */
export type AfterUs = (stage: VisibleModelStage, engine: EngineState) => number;

/** What a split must keep to. */
export type SplitRule = {
  /** Leads the split; where nothing is said, whichever of a host's engines ends the whole stage first. */
  readonly including?: EngineState;
  /** Which engines may take a share beside the one that leads. */
  readonly mayJoin?: (engine: EngineState) => boolean;
  readonly afterUs?: AfterUs;
};

/**
 * `single`, or a split that ends earlier. `crowding`, from 0 to 1, says how surely another stage waits for an engine that shards
 * would take: engine time beyond that of one engine then counts as delay.
 */
export function orShards(
  picture: Known,
  stage: VisibleModelStage,
  single: Candidate,
  { mostShards, crowding }: ShardSettings & { readonly crowding: number },
  rule: SplitRule = {},
): Candidate {
  if (mostShards < 2 || stage.items < 2) return single;
  const shards = bestShards(picture, stage, mostShards, rule);
  if (shards === undefined) return single;
  const extraUs = Math.max(0, engineUs(shards) - engineUs(single));
  return totalUs(stage, shards, rule) + crowding * extraUs < totalUs(stage, single, rule) ? shards : single;
}

/**
 * The split over at most `mostShards` engines that ends first; undefined where no host has two engines that could begin now.
 * Of a host's engines, those are taken that would end the whole stage first. The one that leads comes first.
 */
export function bestShards(
  picture: Known,
  stage: VisibleModelStage,
  mostShards: number,
  rule: SplitRule = {},
): Candidate | undefined {
  let best: Candidate | undefined;
  for (const engines of engineSets(picture, stage, rule).values()) {
    const most = Math.min(mostShards, engines.length, stage.items);
    for (let shards = 2; shards <= most; shards++) {
      const candidate = toShards(picture, stage, engines.slice(0, shards));
      if (best === undefined || totalUs(stage, candidate, rule) < totalUs(stage, best, rule)) best = candidate;
    }
  }
  return best;
}

/**
 * Per host with an engine that may lead, the engines that could begin now: what may lead first, then the earliest to end. A
 * prefill engine hands whole stages over, never shares.
 */
function engineSets(
  picture: Known,
  stage: VisibleModelStage,
  { including, mayJoin = () => true, afterUs = () => 0 }: SplitRule,
): ReadonlyMap<HostId, readonly EngineState[]> {
  if (including !== undefined && !canBegin(stage, including)) return new Map();
  const host = including?.holding.host.id;
  const able: EngineState[] = [];
  const leads = new Set<EngineState>();
  for (const engine of picture.cluster) {
    const { holding, role } = engine;
    if ((host ?? holding.host.id) !== holding.host.id || role !== "both") continue;
    const mayLead = holding.index === (including?.holding.index ?? holding.index) && afterUs(stage, engine) < Infinity;
    if (!mayLead && !mayJoin(engine)) continue;
    if (!canBegin(stage, engine) || !isFeasible(picture, stage, engine)) continue;
    able.push(engine);
    if (mayLead) leads.add(engine);
  }
  const endUs = new Map(able.map((engine) => [engine, toCandidate(picture, stage, engine).endUs]));
  const following = (engine: EngineState): number => (leads.has(engine) ? 0 : 1);
  able.sort((left, right) => following(left) - following(right) || (endUs.get(left) ?? 0) - (endUs.get(right) ?? 0));
  const sets = Map.groupBy(able, (engine) => engine.holding.host.id);
  for (const [id, [first]] of sets) if (first === undefined || !leads.has(first)) sets.delete(id);
  return sets;
}

function totalUs(stage: VisibleModelStage, { shares, endUs }: Candidate, { afterUs }: SplitRule): number {
  const [first] = shares;
  return first === undefined || afterUs === undefined ? endUs : endUs + afterUs(stage, first.engine);
}

function engineUs({ shares }: Candidate): number {
  let us = 0;
  for (const { cost } of shares) us += cost.loadUs + cost.transferUs + cost.prefillUs + cost.decodeUs;
  return us;
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
