/**
 * The prompts whose keys and values one engine still has for one model: a radix of hash chains, least recently used first.
 *
 * Invariant: in `nodes` a parent always stands after (is more recent than) its children, and is retained at least as long,
 * so the first node that is not retained is a leaf and may go. Matching and inserting cost one map operation a link.
 */

import type { ChainLink } from "../model/prefix.ts";

type Node = {
  readonly hash: number;
  readonly tokens: number;
  readonly parent: number | undefined;
  retainUntilUs: number;
};

export class PrefixCache {
  /** Oldest first. */
  #nodes: Map<number, Node>;
  #tokens: number;

  constructor(nodes = new Map<number, Node>(), tokens = 0) {
    this.#nodes = nodes;
    this.#tokens = tokens;
  }

  get tokens(): number {
    return this.#tokens;
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** Tokens of the longest cached prefix of `chain`. */
  match(chain: readonly ChainLink[]): number {
    let tokens = 0;
    for (const link of chain) {
      const node = this.#nodes.get(link.hash);
      if (node === undefined) break;
      tokens += node.tokens;
    }
    return tokens;
  }

  /** Caches the first `links` links of `chain` as just used, then gives up the oldest until `budgetTokens` hold. */
  insert(chain: readonly ChainLink[], links: number, budgetTokens: number, nowUs: number): void {
    for (let index = links - 1; index >= 0; index--) {
      const link = chain[index];
      if (link === undefined) continue;
      const known = this.#nodes.get(link.hash);
      if (known === undefined) {
        const parent = chain[index - 1]?.hash;
        this.#nodes.set(link.hash, { hash: link.hash, tokens: link.tokens, parent, retainUntilUs: 0 });
        this.#tokens += link.tokens;
      } else {
        this.#nodes.delete(link.hash);
        this.#nodes.set(link.hash, known);
      }
    }
    this.shrink(budgetTokens, nowUs);
  }

  /** Gives up what was used longest ago, leaves first, until at most `budgetTokens` are cached or only retained prefixes are left. */
  shrink(budgetTokens: number, nowUs: number): void {
    if (this.#tokens <= budgetTokens) return;
    for (const node of this.#nodes.values()) {
      if (node.retainUntilUs > nowUs) continue;
      this.#nodes.delete(node.hash);
      this.#tokens -= node.tokens;
      if (this.#tokens <= budgetTokens) return;
    }
  }

  /** Keeps the prefix that ends with `hash`, if it is cached, until a time. */
  retain(hash: number, untilUs: number): void {
    let at: number | undefined = hash;
    while (at !== undefined) {
      const node: Node | undefined = this.#nodes.get(at);
      if (node === undefined) return;
      node.retainUntilUs = Math.max(node.retainUntilUs, untilUs);
      at = node.parent;
    }
  }

  /** An independent copy; costs a map operation a node. */
  clone(): PrefixCache {
    const nodes = new Map<number, Node>();
    for (const [hash, node] of this.#nodes) nodes.set(hash, { ...node });
    return new PrefixCache(nodes, this.#tokens);
  }
}
