/**
 * Which prompts engines really hold, from what they publish: answers for prompts as tokens, and tells when links of prompts
 * that were learned are gone.
 *
 * Engines name blocks by hashes that we do not recompute: each name is tied to our own hash over the tokens from the start of
 * the prompt. Only what lies on the GPU counts, and only groups of layers with full attention; groups that mean something else
 * are left out, and a block counts as gone once any group has dropped it. So the answer may fall short of the truth, and never
 * goes beyond it, as long as the engine's events are followed without gaps.
 */

import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { ChainLink } from "../../model/prefix.ts";
import { EngineBlocks } from "./engine-blocks.ts";
import type { BlockRemoved, BlockStored, KvEvent } from "./event.ts";
import { LearnedLinks } from "./learned-links.ts";
import type { TokenHash } from "./token-hash.ts";

export type BlockIndexOptions = {
  /** Links of this model that the engine no longer holds; those later in a prompt first. */
  readonly onGone: (engine: EngineId, model: ModelId, link: number) => void;
  readonly onCleared: (engine: EngineId, model: ModelId) => void;
  readonly limits?: Partial<BlockIndexLimits>;
};

export type BlockIndexLimits = {
  /** Names of blocks per engine and model. */
  readonly blocks: number;
  /** Pairs of engine and model. */
  readonly caches: number;
  /** Models whose links are learned. */
  readonly models: number;
  /** Links per model, and their blocks. */
  readonly links: number;
  readonly linkBlocks: number;
};

const defaultIndexLimits: BlockIndexLimits = {
  blocks: 262_144,
  caches: 256,
  models: 64,
  links: 65_536,
  linkBlocks: 524_288,
};

export type BlockIndexCounters = {
  /** Blocks that are there, over all engines. */
  readonly blocks: number;
  /** Blocks of which we do not know what they hold. */
  readonly unplaced: number;
  readonly givenUp: number;
  /** Events about slower memory, or about layers without full attention. */
  readonly ignored: number;
  readonly links: number;
};

type Cache = {
  readonly engine: EngineId;
  readonly model: ModelId;
  readonly blocks: EngineBlocks;
  /** Groups that do not count. */
  readonly otherGroups: Set<number>;
  /** Links told as gone, so as not to tell them again. */
  readonly gone: Set<number>;
};

/** Assumed of engines that have not stored anything yet; vLLM's own default. */
const usualBlockTokens = 16;
const fullAttention: ReadonlySet<string> = new Set(["full_attention", "mla_attention"]);
const mostGroups = 64;

export class BlockIndex {
  readonly #options: BlockIndexOptions;
  readonly #limits: BlockIndexLimits;
  /** Used longest ago first, as is the next one. */
  readonly #caches = new Map<string, Cache>();
  readonly #learned = new Map<ModelId, LearnedLinks>();
  #ignored = 0;

  constructor(options: BlockIndexOptions) {
    this.#options = options;
    this.#limits = { ...defaultIndexLimits, ...options.limits };
  }

  get counters(): BlockIndexCounters {
    const caches = [...this.#caches.values()].map(({ blocks }) => blocks);
    return {
      blocks: sum(caches.map(({ size }) => size)),
      unplaced: sum(caches.map(({ unplaced }) => unplaced)),
      givenUp: sum(caches.map(({ givenUp }) => givenUp)),
      ignored: this.#ignored,
      links: sum([...this.#learned.values()].map(({ size }) => size)),
    };
  }

  apply(engine: EngineId, model: ModelId, event: KvEvent): void {
    if (event.kind === "all-blocks-cleared") return this.clear(engine, model);
    const cache = this.#cacheOf(engine, model);
    if (!counts(cache, event)) this.#ignored += 1;
    else if (event.kind === "block-stored") this.#store(cache, event);
    else this.#remove(cache, event);
  }

  /** How many tokens at the beginning of the prompt the engine holds, in whole blocks. */
  matchTokens(engine: EngineId, model: ModelId, tokens: readonly number[]): number {
    return this.#caches.get(keyOf(engine, model))?.blocks.match(tokens) ?? 0;
  }

  /** Remembers which tokens the links of a prompt stand for. `ends` are their exact ends in tokens, where known. */
  learn(model: ModelId, chain: readonly ChainLink[], tokens: readonly number[], ends?: readonly number[]): void {
    const { links, linkBlocks, models } = this.#limits;
    const learned = this.#learned.get(model) ?? new LearnedLinks({ links, blocks: linkBlocks });
    const sizes = new Set<number>();
    for (const cache of this.#caches.values())
      if (cache.model === model) for (const size of cache.blocks.sizes) sizes.add(size);
    if (sizes.size === 0) sizes.add(usualBlockTokens);
    learned.learn(chain, tokens, sizes, ends);
    putLast(this.#learned, model, learned, models);
  }

  /** The engine holds nothing of the model, and says so. */
  clear(engine: EngineId, model: ModelId): void {
    this.#caches.delete(keyOf(engine, model));
    this.#options.onCleared(engine, model);
  }

  /** What is known of the engine may be wrong: from now on nothing is, and nobody is told. */
  forget(engine: EngineId, model: ModelId): void {
    this.#caches.delete(keyOf(engine, model));
  }

  #store(cache: Cache, event: BlockStored): void {
    const stored = cache.blocks.store(event);
    for (const link of this.#learned.get(cache.model)?.linksOf(stored) ?? []) cache.gone.delete(link);
  }

  #remove(cache: Cache, event: BlockRemoved): void {
    const { engine, model, gone } = cache;
    const removed: readonly TokenHash[] = cache.blocks.remove(event);
    for (const link of this.#learned.get(model)?.linksOf(removed) ?? []) {
      if (gone.has(link)) continue;
      if (gone.size === this.#limits.links) gone.clear();
      gone.add(link);
      this.#options.onGone(engine, model, link);
    }
  }

  #cacheOf(engine: EngineId, model: ModelId): Cache {
    const key = keyOf(engine, model);
    const known = this.#caches.get(key);
    const blocks = known?.blocks ?? new EngineBlocks(this.#limits.blocks);
    const cache = known ?? { engine, model, blocks, otherGroups: new Set(), gone: new Set() };
    putLast(this.#caches, key, cache, this.#limits.caches);
    return cache;
  }
}

/** Only what stores a group says what kind it is; what removes from it goes by its number. */
function counts({ otherGroups }: Cache, event: BlockStored | BlockRemoved): boolean {
  const { medium, group } = event;
  if (medium !== undefined && medium.toUpperCase() !== "GPU") return false;
  if (event.kind === "block-stored" && event.cacheSpec !== undefined && !fullAttention.has(event.cacheSpec)) {
    if (group !== undefined && otherGroups.size < mostGroups) otherGroups.add(group);
    return false;
  }
  return group === undefined || !otherGroups.has(group);
}

/** Puts it behind all others and drops the first if there are too many. */
function putLast<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const first of map.keys()) {
    if (map.size <= most) return;
    map.delete(first);
  }
}

function keyOf(engine: EngineId, model: ModelId): string {
  return JSON.stringify([engine, model]);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((left, right) => left + right, 0);
}
