/**
 * Prompts as chains of hashes. A link's hash covers everything before it, so equal hashes mean equal prefixes,
 * whatever the lengths of the segments.
 */

export type ChainLink = {
  /** Hash of this segment and all before it: a non-negative safe integer. */
  readonly hash: number;
  readonly tokens: number;
};

const chainStart = 0x2f_a7e5;

/** The hash of the prefix that ends with segment `key`, given the hash of the prefix before it. */
export function chainHash(previous: number | undefined, key: string): number {
  return closeHash(readOn(openHash(previous), key));
}

/** A hash under way: of a key that is read piece by piece. */
export type OpenHash = { readonly high: number; readonly low: number };

export function openHash(previous: number | undefined): OpenHash {
  const seed = previous ?? chainStart;
  return { high: Math.floor(seed / 0x1_0000_0000) ^ 0x9e37_79b9, low: seed | 0 };
}

export function readOn(hash: OpenHash, text: string): OpenHash {
  let { high, low } = hash;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x85eb_ca6b);
    low = Math.imul(low ^ code, 0xc2b2_ae35);
    high ^= high >>> 15;
    low ^= low >>> 13;
  }
  return { high, low };
}

export function closeHash(hash: OpenHash): number {
  const high = Math.imul(hash.high ^ (hash.low >>> 16), 0x27d4_eb2f);
  const low = Math.imul(hash.low ^ (high >>> 15), 0x1656_67b1);
  return ((high >>> 0) & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0);
}

/** Tokens of a whole chain. */
export function chainTokens(chain: readonly ChainLink[]): number {
  let tokens = 0;
  for (const link of chain) tokens += link.tokens;
  return tokens;
}
