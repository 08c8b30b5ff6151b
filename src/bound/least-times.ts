/**
 * How long a share of a stage holds an exclusive engine at least, by place: model loaded, inputs there, and as much of the
 * prompt cached as could be at all.
 */

import { shareDecodeUs, sharePrefillUs } from "../cost/phase.ts";
import { shareWork, sideBySide } from "../cost/share-work.ts";
import type { ModelCosts } from "../cost/cost-model.ts";
import { chainHash } from "../model/prefix.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { Place } from "./places.ts";
import type { TrueStage } from "./true-workflow.ts";

/** How many leading links of its prompt can be cached by the time a stage begins. */
export type Cacheable = (index: number) => number;

/** Whatever earlier workflows left: all that other prompts can share. */
export function cacheableWarm(stages: readonly TrueStage[]): Cacheable {
  return (index) => {
    const node = stages[index];
    return node?.kind === "model" ? node.stage.sharedLinks : 0;
  };
}

/** From empty caches: the links, from the first on, that a stage which may run before leaves behind. O(stages squared / 32). */
export function cacheableCold(stages: readonly TrueStage[]): Cacheable {
  const descends = descendants(stages);
  const writers = new Map<string, number[]>();
  const note = (model: string, hash: number, index: number): void => {
    const key = `${model} ${hash}`;
    const known = writers.get(key);
    if (known === undefined) writers.set(key, [index]);
    else if (known.at(-1) !== index) known.push(index);
  };
  for (const [index, node] of stages.entries()) {
    if (node.kind !== "model") continue;
    const { stage } = node;
    const links = stage.items > 1 ? stage.sharedLinks : stage.chain.length;
    for (const { hash } of stage.chain.slice(0, links)) note(stage.model, hash, index);
    if (stage.items === 1) note(stage.model, chainHash(stage.chain.at(-1)?.hash, `output:${stage.key}`), index);
  }
  return (index) => {
    const node = stages[index];
    if (node?.kind !== "model") return 0;
    const { stage } = node;
    const others = (hash: number): boolean =>
      (writers.get(`${stage.model} ${hash}`) ?? []).some((writer) => writer !== index && !descends(index, writer));
    // Several shares of one stage leave its shared links for one another.
    const shares = stage.items > 1 ? stage.sharedLinks : 0;
    const first = stage.chain.findIndex(({ hash }, link) => link >= shares && !others(hash));
    return first === -1 ? stage.chain.length : first;
  };
}

/** Whether the second comes after the first on some path. */
function descendants(stages: readonly TrueStage[]): (of: number, index: number) => boolean {
  const words = Math.ceil(stages.length / 32);
  const bits = new Uint32Array(stages.length * words);
  for (let index = stages.length - 1; index >= 0; index--) {
    for (const child of stages[index]?.children ?? []) {
      const at = index * words + (child >> 5);
      bits[at] = (bits[at] ?? 0) | (1 << (child & 31));
      for (let word = 0; word < words; word++) {
        bits[index * words + word] = (bits[index * words + word] ?? 0) | (bits[child * words + word] ?? 0);
      }
    }
  }
  return (of, index) => (((bits[of * words + (index >> 5)] ?? 0) >> (index & 31)) & 1) === 1;
}

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
