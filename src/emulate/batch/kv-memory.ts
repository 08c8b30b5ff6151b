/**
 * Who has the KV memory: the batch, KV held for other engines, and cached prefixes in what is left.
 * Nothing is set aside twice: prefixes give way to the batch, and what is held gives way when nothing else could go on.
 */

import type { ModelCosts } from "../../cost/cost-model.ts";
import type { ModelId } from "../../model/model.ts";
import type { ChainLink } from "../../model/prefix.ts";
import { createHolds, type Holds } from "./holds.ts";
import { createPrefixes, type BlockListener, type Prefixes } from "./prefixes.ts";

export type KvMemory = {
  readonly holds: Holds;
  /** Tokens that no call and no hand-off has. */
  readonly freeTokens: (costs: ModelCosts) => number;
  /** Gives up what is held for others until so many tokens are free. */
  readonly makeRoom: (costs: ModelCosts, tokens: number) => void;
  readonly cachedTokens: (costs: ModelCosts, chain: readonly ChainLink[]) => number;
  readonly cache: (costs: ModelCosts, chain: readonly ChainLink[], bytes: Buffer) => void;
  /** Prefixes give up what the batch has taken. */
  readonly shrink: (costs: ModelCosts) => void;
  /** The model's weights are gone. */
  readonly drop: (model: ModelId) => void;
};

export type KvMemoryOptions = {
  readonly nowUs: () => number;
  /** Of the batch. */
  readonly keptTokens: () => number;
  readonly listen?: (model: ModelId) => BlockListener;
};

export function createKvMemory({ nowUs, keptTokens, listen }: KvMemoryOptions): KvMemory {
  const holds = createHolds();
  const caches = new Map<ModelId, Prefixes>();
  const cacheOf = ({ model }: ModelCosts): Prefixes => {
    const known = caches.get(model.id);
    if (known !== undefined) return known;
    const made = createPrefixes(listen?.(model.id));
    caches.set(model.id, made);
    return made;
  };
  const freeTokens = ({ kvCapacityTokens, model }: ModelCosts): number =>
    kvCapacityTokens - keptTokens() - holds.tokens(model.id, nowUs());
  const budget = (costs: ModelCosts): number => Math.max(0, freeTokens(costs));
  return {
    holds,
    freeTokens,
    makeRoom: (costs, tokens) => {
      while (freeTokens(costs) < tokens && holds.dropOldest(costs.model.id));
    },
    cachedTokens: (costs, chain) => cacheOf(costs).match(chain),
    cache: (costs, chain, bytes) => cacheOf(costs).insert(chain, bytes, budget(costs)),
    shrink: (costs) => cacheOf(costs).shrink(budget(costs)),
    drop: (model) => {
      caches.get(model)?.clear();
      caches.delete(model);
      holds.drop(model);
    },
  };
}
