/**
 * Which tokens the links of prompts stand for, for one model: what ties hashes of text to blocks of tokens.
 *
 * A link's hash covers text, an engine's blocks cover tokens, and only the engine can make tokens of text, of whole prompts. So
 * where a link ends inside a prompt must be found out. The soundest source comes first: ends that the caller knows exactly;
 * then links known as the end of an earlier prompt, which is exact too, and in conversations is every turn but the last; and
 * between such points, in proportion to the estimated lengths. A wrong guess makes a link seem gone a little sooner or later
 * than it is; it never makes a prompt match that does not.
 *
 * Invariant: a link is more recent than the links after it, so the one learned longest ago may go. Learning costs a pass over
 * the tokens.
 */

import type { ChainLink } from "../../model/prefix.ts";
import { emptyPrompt, hashTokens, type TokenHash } from "./token-hash.ts";

type LinkHash = number;

type Link = {
  readonly parent: LinkHash | undefined;
  /** Where it ends: tokens from the start of the prompt, and their hash. */
  readonly end: number;
  readonly endHash: TokenHash;
  readonly exact: boolean;
  /** Of the blocks that end in it. */
  readonly blocks: readonly TokenHash[];
};

export type LearnedLimits = { readonly links: number; readonly blocks: number };

export class LearnedLinks {
  readonly #limits: LearnedLimits;
  /** Learned longest ago first. */
  readonly #links = new Map<LinkHash, Link>();
  readonly #children = new Map<LinkHash, Set<LinkHash>>();
  readonly #owners = new Map<TokenHash, Set<LinkHash>>();
  #blocks = 0;

  constructor(limits: LearnedLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#links.size;
  }

  /** `sizes` are those of the blocks to come; `ends` the exact ends of all links, where known. */
  learn(
    chain: readonly ChainLink[],
    tokens: readonly number[],
    sizes: Iterable<number>,
    ends?: readonly number[],
  ): void {
    const hashes = hashPrefixes(tokens);
    const exact = this.#findExactEnds(chain, hashes, ends);
    const found = betweenExactEnds(chain, exact);
    const borders = bordersOf(sizes, tokens.length);
    let parent: LinkHash | undefined;
    let at = 0;
    for (const [index, { hash }] of chain.entries()) {
      const end = found[index] ?? tokens.length;
      const blocks: TokenHash[] = [];
      for (let border = borders[at]; border !== undefined && border <= end; border = borders[++at])
        blocks.push(hashes[border] ?? 0);
      this.#put(hash, { parent, end, endHash: hashes[end] ?? 0, exact: exact[index] !== undefined, blocks });
      parent = hash;
    }
    for (const { hash } of chain.toReversed()) this.#touch(hash);
    this.#shrink();
  }

  /** Links whose prefix holds one of these blocks, and all links after them; those later in a prompt first. */
  linksOf(blocks: Iterable<TokenHash>): readonly LinkHash[] {
    const found = new Set<LinkHash>();
    for (const block of blocks) for (const link of this.#owners.get(block) ?? []) found.add(link);
    // What is added on the way is visited as well.
    for (const link of found) for (const child of this.#children.get(link) ?? []) found.add(child);
    const endOf = (link: LinkHash): number => this.#links.get(link)?.end ?? 0;
    return [...found].sort((left, right) => endOf(right) - endOf(left) || left - right);
  }

  #findExactEnds(
    chain: readonly ChainLink[],
    hashes: Float64Array,
    ends: readonly number[] | undefined,
  ): readonly (number | undefined)[] {
    const total = hashes.length - 1;
    return chain.map(({ hash }, index) => {
      if (index === chain.length - 1) return total;
      const told = ends?.[index];
      if (told !== undefined) return Math.min(total, told);
      const link = this.#links.get(hash);
      return link?.exact === true && hashes[link.end] === link.endHash ? link.end : undefined;
    });
  }

  #put(hash: LinkHash, link: Link): void {
    const known = this.#links.get(hash);
    if (known !== undefined) this.#disown(hash, known);
    this.#links.set(hash, link);
    for (const block of link.blocks) addTo(this.#owners, block, hash);
    this.#blocks += link.blocks.length;
    if (link.parent !== undefined) addTo(this.#children, link.parent, hash);
  }

  #disown(hash: LinkHash, { blocks }: Link): void {
    for (const block of blocks) removeFrom(this.#owners, block, hash);
    this.#blocks -= blocks.length;
  }

  #touch(hash: LinkHash): void {
    const link = this.#links.get(hash);
    if (link === undefined) return;
    this.#links.delete(hash);
    this.#links.set(hash, link);
  }

  #shrink(): void {
    for (const [hash, link] of this.#links) {
      if (this.#links.size <= this.#limits.links && this.#blocks <= this.#limits.blocks) return;
      this.#links.delete(hash);
      this.#disown(hash, link);
      if (link.parent !== undefined) removeFrom(this.#children, link.parent, hash);
    }
  }
}

/** The hash of every prefix, the empty one first. */
function hashPrefixes(tokens: readonly number[]): Float64Array {
  const hashes = new Float64Array(tokens.length + 1);
  hashes[0] = emptyPrompt;
  for (let index = 0; index < tokens.length; index++)
    hashes[index + 1] = hashTokens(hashes[index] ?? 0, tokens, index, index + 1);
  return hashes;
}

/** Every place where a block of one of the sizes may end, in order. */
function bordersOf(sizes: Iterable<number>, total: number): readonly number[] {
  const borders = new Set<number>();
  for (const size of sizes) for (let border = size; border <= total; border += size) borders.add(border);
  return [...borders].sort((left, right) => left - right);
}

/** Never before the end of the link before it, nor beyond the next exact one. */
function betweenExactEnds(chain: readonly ChainLink[], exact: readonly (number | undefined)[]): readonly number[] {
  const ends: number[] = [];
  let end = 0;
  for (let first = 0; first < chain.length;) {
    let last = first;
    while (exact[last] === undefined && last < chain.length - 1) last += 1;
    const span = chain.slice(first, last + 1);
    const estimated = span.reduce((sum, { tokens }) => sum + tokens, 0);
    const next = Math.max(end, exact[last] ?? end);
    const perToken = estimated === 0 ? 0 : (next - end) / estimated;
    let sum = 0;
    for (const { tokens } of span) {
      sum += tokens;
      ends.push(end + Math.floor(sum * perToken));
    }
    ends[last] = next;
    end = next;
    first = last + 1;
  }
  return ends;
}

function addTo<Key>(map: Map<Key, Set<LinkHash>>, key: Key, link: LinkHash): void {
  const links = map.get(key);
  if (links === undefined) map.set(key, new Set([link]));
  else links.add(link);
}

function removeFrom<Key>(map: Map<Key, Set<LinkHash>>, key: Key, link: LinkHash): void {
  const links = map.get(key);
  links?.delete(link);
  if (links?.size === 0) map.delete(key);
}
