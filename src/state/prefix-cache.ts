/**
 * The prompts whose keys and values one engine still has for one model: a radix of hash chains, least recently used first.
 *
 * Invariant: in order of use a parent always stands after (is more recent than) its children, and is retained at least as long,
 * so the first node that is not retained is a leaf and may go. Matching and inserting cost one map operation a link.
 */

import type { ChainLink } from "../model/prefix.ts";

type Node = {
  readonly hash: number;
  readonly tokens: number;
  readonly parent: number | undefined;
  readonly retainUntilUs: number;
};

/**
 * A fork keeps what it has changed and looks into its base for the rest, so it costs what is done to it, not what is cached.
 * Invariant: while a fork is in use, its base does not change. What is in `#own` was used after all that is only in the base.
 */
export class PrefixCache {
  readonly #base: PrefixCache | undefined;
  /** Oldest first. */
  readonly #own = new Map<number, Node>();
  /** Nodes of the base that are gone, or stand in `#own` because they were used again. */
  readonly #gone = new Set<number>();
  /** Nodes of the base that are to stay longer than it says. */
  readonly #retained = new Map<number, Node>();
  #tokens = 0;
  #size = 0;

  constructor(base?: PrefixCache) {
    this.#base = base;
    if (base === undefined) return;
    this.#tokens = base.#tokens;
    this.#size = base.#size;
  }

  get tokens(): number {
    return this.#tokens;
  }

  get size(): number {
    return this.#size;
  }

  #node(hash: number): Node | undefined {
    const own = this.#own.get(hash);
    if (own !== undefined || this.#base === undefined || this.#gone.has(hash)) return own;
    return this.#retained.get(hash) ?? this.#base.#node(hash);
  }

  /** Oldest first. */
  *#nodes(): Generator<Node> {
    if (this.#base !== undefined)
      for (const node of this.#base.#nodes())
        if (!this.#gone.has(node.hash)) yield this.#retained.get(node.hash) ?? node;
    yield* this.#own.values();
  }

  /** Takes a node out, to be put back as the latest used or not at all. */
  #take(hash: number): Node | undefined {
    const own = this.#own.get(hash);
    if (own !== undefined) {
      this.#own.delete(hash);
      return own;
    }
    const node = this.#node(hash);
    if (node !== undefined) this.#gone.add(hash);
    return node;
  }

  /** Tokens of the longest cached prefix of `chain`. */
  match(chain: readonly ChainLink[]): number {
    let tokens = 0;
    for (const link of chain) {
      const node = this.#node(link.hash);
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
      const known = this.#take(link.hash);
      if (known !== undefined) {
        this.#own.set(link.hash, known);
        continue;
      }
      const parent = chain[index - 1]?.hash;
      this.#own.set(link.hash, { hash: link.hash, tokens: link.tokens, parent, retainUntilUs: 0 });
      this.#tokens += link.tokens;
      this.#size += 1;
    }
    this.shrink(budgetTokens, nowUs);
  }

  /** Gives up what was used longest ago, leaves first, until at most `budgetTokens` are cached or only retained prefixes are left. */
  shrink(budgetTokens: number, nowUs: number): void {
    if (this.#tokens <= budgetTokens) return;
    for (const node of this.#nodes()) {
      if (node.retainUntilUs > nowUs) continue;
      this.#remove(node);
      if (this.#tokens <= budgetTokens) return;
    }
  }

  #remove({ hash, tokens }: Node): void {
    this.#take(hash);
    this.#tokens -= tokens;
    this.#size -= 1;
  }

  /** Forgets the prefix that ends with `hash`, and all that continues it. Costs a pass over the cache. */
  drop(hash: number): void {
    const gone = new Set([hash]);
    // Children stand before their parents, so the nodes are gone through from the newest.
    for (const node of [...this.#nodes()].toReversed()) {
      if (!gone.has(node.hash) && !(node.parent !== undefined && gone.has(node.parent))) continue;
      gone.add(node.hash);
      this.#remove(node);
    }
  }

  /** Keeps the prefix that ends with `hash`, if it is cached, until a time. */
  retain(hash: number, untilUs: number): void {
    let node = this.#node(hash);
    while (node !== undefined) {
      const retained = { ...node, retainUntilUs: Math.max(node.retainUntilUs, untilUs) };
      if (this.#own.has(node.hash)) this.#own.set(node.hash, retained);
      else this.#retained.set(node.hash, retained);
      node = node.parent === undefined ? undefined : this.#node(node.parent);
    }
  }

  /** What is cached, oldest first: hash, tokens, and the hash before it or -1. What is retained is not told. */
  list(): readonly (readonly [number, number, number])[] {
    return Array.from(this.#nodes(), ({ hash, tokens, parent }) => [hash, tokens, parent ?? -1] as const);
  }

  /** Takes in what another cache lists. */
  restore(nodes: readonly (readonly [number, number, number])[]): void {
    for (const [hash, tokens, parent] of nodes) {
      if (this.#node(hash) !== undefined) continue;
      this.#own.set(hash, { hash, tokens, parent: parent < 0 ? undefined : parent, retainUntilUs: 0 });
      this.#tokens += tokens;
      this.#size += 1;
    }
  }

  /** One that goes its own way, for as long as this one does not change. */
  fork(): PrefixCache {
    return new PrefixCache(this);
  }
}
