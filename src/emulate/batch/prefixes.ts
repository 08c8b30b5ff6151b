/** The prompts whose KV one model still has on the engine, and word of every block that comes and goes. */

import type { ChainLink } from "../../model/prefix.ts";
import { PrefixCache } from "../../state/prefix-cache.ts";

export type Prefixes = {
  readonly match: (chain: readonly ChainLink[]) => number;
  /** Caches the chain and gives up what was used longest ago, until the budget holds. */
  readonly insert: (chain: readonly ChainLink[], bytes: Buffer, budgetTokens: number) => void;
  readonly shrink: (budgetTokens: number) => void;
  /** Gives all of it up. */
  readonly clear: () => void;
  readonly tokens: () => number;
};

export type BlockListener = {
  /** Blocks `from` and on of the chain are new. */
  readonly stored: (chain: readonly ChainLink[], from: number, bytes: Buffer) => void;
  readonly removed: (hashes: readonly number[]) => void;
};

/**
 * With a listener, `known` mirrors the cache: the same hashes in the same order, least recently used first. Nothing is
 * retained, so what the cache gives up are always the first ones.
 */
export function createPrefixes(listener?: BlockListener): Prefixes {
  const cache = new PrefixCache();
  const known = new Set<number>();
  const tellRemoved = (): void => {
    if (listener === undefined || known.size === cache.size) return;
    const gone: number[] = [];
    for (const hash of known) {
      if (known.size - gone.length === cache.size) break;
      gone.push(hash);
    }
    for (const hash of gone) known.delete(hash);
    listener.removed(gone);
  };
  const insert: Prefixes["insert"] = (chain, bytes, budgetTokens) => {
    const links = fittingLinks(chain, budgetTokens);
    const fresh = listener === undefined ? 0 : countKnown(chain, known);
    cache.insert(chain, links, budgetTokens, 0);
    if (listener === undefined) return;
    for (let index = links - 1; index >= 0; index--) {
      const hash = chain[index]?.hash ?? 0;
      known.delete(hash);
      known.add(hash);
    }
    if (fresh < links) listener.stored(chain.slice(0, links), fresh, bytes);
    tellRemoved();
  };
  return {
    match: (chain) => cache.match(chain),
    insert,
    shrink: (budgetTokens) => {
      cache.shrink(budgetTokens, 0);
      tellRemoved();
    },
    clear: () => {
      cache.shrink(-1, 0);
      tellRemoved();
    },
    tokens: () => cache.tokens,
  };
}

/** A chain longer than the budget keeps its beginning. */
function fittingLinks(chain: readonly ChainLink[], budgetTokens: number): number {
  let tokens = 0;
  for (const [index, link] of chain.entries()) {
    tokens += link.tokens;
    if (tokens > budgetTokens) return index;
  }
  return chain.length;
}

function countKnown(chain: readonly ChainLink[], known: ReadonlySet<number>): number {
  const first = chain.findIndex(({ hash }) => !known.has(hash));
  return first === -1 ? chain.length : first;
}
