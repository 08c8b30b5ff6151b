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
  retainUntilUs: number;
  /** Neighbours in order of use. A map's own order would do, but its first entry is found behind all that were deleted. */
  older: Node | undefined;
  newer: Node | undefined;
};

/**
 * A fork keeps what it has changed and looks into its base for the rest, so it costs what is done to it, not what is cached.
 * Invariant: while a fork is in use, its base does not change. What is in `#own` was used after all that is only in the base.
 */
export class PrefixCache {
  readonly #base: PrefixCache | undefined;
  readonly #own = new Map<number, Node>();
  #oldest: Node | undefined;
  #newest: Node | undefined;
  /** Nodes of the base that are gone, or stand in `#own` because they were used again. */
  #gone: Set<number> | undefined;
  /** Nodes of the base that are to stay longer than it says, and until when. */
  #retained: Map<number, number> | undefined;
  #tokens = 0;
  #size = 0;
  /** As asked for since the last change. */
  #usedSince: ReadonlyMap<number, number> | undefined;

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

  /** Tokens of the longest cached prefix of `chain`. */
  match(chain: readonly ChainLink[]): number {
    let tokens = 0;
    for (const link of chain) {
      const node = this.#find(link.hash);
      if (node === undefined) break;
      tokens += node.tokens;
    }
    return tokens;
  }

  /** Caches the first `links` links of `chain` as just used, then gives up the oldest until `budgetTokens` hold. */
  insert(chain: readonly ChainLink[], links: number, budgetTokens: number, nowUs: number): void {
    for (let index = links - 1; index >= 0; index--) {
      const link = chain[index];
      if (link !== undefined) this.#use(link.hash, link.tokens, chain[index - 1]?.hash);
    }
    this.shrink(budgetTokens, nowUs);
  }

  /** Gives up what was used longest ago, leaves first, until at most `budgetTokens` are cached or only retained prefixes are left. */
  shrink(budgetTokens: number, nowUs: number): void {
    if (this.#tokens <= budgetTokens) return;
    if (this.#base !== undefined) {
      for (const node of this.#base.#nodes()) {
        if (this.#isGone(node.hash) || this.#retainUntilUs(node) > nowUs) continue;
        this.#remove(node);
        if (this.#tokens <= budgetTokens) return;
      }
    }
    for (let node = this.#oldest; node !== undefined && this.#tokens > budgetTokens;) {
      const next = node.newer;
      if (node.retainUntilUs <= nowUs) this.#remove(node);
      node = next;
    }
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
    let node = this.#find(hash);
    while (node !== undefined) {
      const longestUs = Math.max(this.#retainUntilUs(node), untilUs);
      if (this.#own.get(node.hash) === node) node.retainUntilUs = longestUs;
      else (this.#retained ??= new Map()).set(node.hash, longestUs);
      node = node.parent === undefined ? undefined : this.#find(node.parent);
    }
  }

  /** What is cached, oldest first: hash, tokens, and the hash before it or -1. What is retained is not told. */
  list(): readonly (readonly [number, number, number])[] {
    return Array.from(this.#nodes(), ({ hash, tokens, parent }) => [hash, tokens, parent ?? -1] as const);
  }

  /** By hash, tokens that were used no earlier, its own among them. Costs a pass over the cache after a change, else nothing. */
  usedSince(): ReadonlyMap<number, number> {
    if (this.#usedSince !== undefined) return this.#usedSince;
    const found = new Map<number, number>();
    let tokens = 0;
    for (let node = this.#newest; node !== undefined; node = node.older) found.set(node.hash, (tokens += node.tokens));
    if (this.#base !== undefined)
      for (const node of [...this.#base.#nodes()].toReversed())
        if (!this.#isGone(node.hash)) found.set(node.hash, (tokens += node.tokens));
    return (this.#usedSince = found);
  }

  /** Takes in what another cache lists. */
  restore(nodes: readonly (readonly [number, number, number])[]): void {
    for (const [hash, tokens, parent] of nodes)
      if (this.#find(hash) === undefined) this.#use(hash, tokens, parent < 0 ? undefined : parent);
  }

  /** One that goes its own way, for as long as this one does not change. */
  fork(): PrefixCache {
    return new PrefixCache(this);
  }

  #isGone(hash: number): boolean {
    return this.#gone?.has(hash) === true;
  }

  #find(hash: number): Node | undefined {
    const own = this.#own.get(hash);
    if (own !== undefined || this.#base === undefined || this.#isGone(hash)) return own;
    return this.#base.#find(hash);
  }

  /** As this cache sees it, whosever node it is. */
  #retainUntilUs(node: Node): number {
    if (this.#base === undefined || this.#own.get(node.hash) === node) return node.retainUntilUs;
    return this.#retained?.get(node.hash) ?? this.#base.#retainUntilUs(node);
  }

  /** Oldest first. */
  *#nodes(): Generator<Node> {
    if (this.#base !== undefined) for (const node of this.#base.#nodes()) if (!this.#isGone(node.hash)) yield node;
    for (let node = this.#oldest; node !== undefined;) {
      const next: Node | undefined = node.newer;
      yield node;
      node = next;
    }
  }

  /** Makes a node the newest, which it may be already, or not be there yet. */
  #use(hash: number, tokens: number, parent: number | undefined): void {
    const own = this.#own.get(hash);
    if (own !== undefined) {
      if (own === this.#newest) return;
      this.#unlink(own);
      return this.#link(own);
    }
    const known = this.#base === undefined || this.#isGone(hash) ? undefined : this.#base.#find(hash);
    const node: Node = {
      hash,
      tokens: known?.tokens ?? tokens,
      parent: known === undefined ? parent : known.parent,
      retainUntilUs: known === undefined ? 0 : this.#retainUntilUs(known),
      older: undefined,
      newer: undefined,
    };
    if (known !== undefined) (this.#gone ??= new Set()).add(hash);
    else {
      this.#tokens += tokens;
      this.#size += 1;
    }
    this.#own.set(hash, node);
    this.#link(node);
  }

  #link(node: Node): void {
    this.#usedSince = undefined;
    node.older = this.#newest;
    node.newer = undefined;
    if (this.#newest === undefined) this.#oldest = node;
    else this.#newest.newer = node;
    this.#newest = node;
  }

  #unlink({ older, newer }: Node): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }

  #remove(node: Node): void {
    this.#usedSince = undefined;
    if (this.#own.get(node.hash) === node) {
      this.#own.delete(node.hash);
      this.#unlink(node);
    } else (this.#gone ??= new Set()).add(node.hash);
    this.#tokens -= node.tokens;
    this.#size -= 1;
  }
}
