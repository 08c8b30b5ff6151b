/**
 * How long a share of a stage holds an exclusive engine at least, by place: model loaded, inputs there, and as much of the
 * prompt cached as could be at all.
 */

import { shareDecodeUs, sharePrefillUs } from "../cost/phase.ts";
import { shareWork, sideBySide } from "../cost/share-work.ts";
import type { ModelCosts } from "../cost/cost-model.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { Place } from "./places.ts";

/** What can be cached of a prompt: so many links at most, and where nothing is retained no more than KV memory has beside the share. */
export type Cached = { readonly links: number; readonly retained: boolean };

/** A share of `items` items on an engine of the place; never falls as items grow. */
export function leastShareUs(place: Place, stage: VisibleModelStage, items: number, cached: Cached): number {
  const { engine, models } = place.costs;
  const held = models.get(stage.model) as ModelCosts;
  const sequences = sideBySide(stage, held, engine.batching.maxSequences);
  const work = shareWork(stage, items, sequences, stage.outputTokens);
  const reserved = shareWork(stage, items, sequences, stage.limitTokens).kvTokens;
  const roomTokens = Math.min(engine.prefixTokens ?? Infinity, held.kvCapacityTokens - reserved);
  const cachedTokens = tokensWithin(stage, cached.links, cached.retained ? Infinity : roomTokens);
  const prefillUs = sharePrefillUs(held.rates, work, items, cachedTokens);
  return stage.kind === "embed" ? prefillUs : prefillUs + shareDecodeUs(held.rates, work);
}

/** Of the leading links, as many whole ones as there is room for. */
function tokensWithin({ chain }: VisibleModelStage, links: number, roomTokens: number): number {
  let tokens = 0;
  for (let link = 0; link < links; link++) {
    const more = tokens + (chain[link]?.tokens ?? 0);
    if (more > roomTokens) break;
    tokens = more;
  }
  return tokens;
}

/** Shares of more items than this are looked at on a grid. */
const mostCounted = 32;

/** Engine time of the whole stage if all its items ran in shares of the most frugal size. */
export function leastWholeWorkUs(place: Place, stage: VisibleModelStage, cached: Cached): number {
  const { items } = stage;
  let perItemUs = Infinity;
  for (let count = 1; count <= items;) {
    // A share of up to `last` items takes no less than one of `count`.
    const last = count <= mostCounted ? count : Math.min(items, Math.ceil(count * 1.05));
    perItemUs = Math.min(perItemUs, leastShareUs(place, stage, count, cached) / last);
    count = last + 1;
  }
  return perItemUs * items;
}
