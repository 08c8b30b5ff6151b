/**
 * Our own hash over token ids from the start of a prompt, a token at a time, so that it does not depend on where an engine
 * puts the borders of its blocks: a non-negative safe integer.
 *
 * Engines seed and compute their hashes each in their own way; this one is ours alone, so nothing of theirs is to be known.
 */

export type TokenHash = number;

export const emptyPrompt: TokenHash = 0x1_51ed_270b;

const lowRange = 0x1_0000_0000;
const highMask = 0x1f_ffff;

/** The hash of the prefix that ends with `tokens[end - 1]`, given that of the prefix before `tokens[start]`. */
export function hashTokens(before: TokenHash, tokens: readonly number[], start = 0, end = tokens.length): TokenHash {
  let high = Math.floor(before / lowRange);
  let low = before | 0;
  for (let index = start; index < end; index++) {
    const token = tokens[index] ?? 0;
    low = Math.imul(low ^ token ^ (high << 11), 0x9e37_79b1);
    low ^= low >>> 15;
    high = Math.imul(high ^ low, 0x85eb_ca77);
    // Ids beyond 32 bits do not occur, but are told apart if they do.
    high = (high ^ (high >>> 13) ^ Math.floor(token / lowRange)) & highMask;
    low = Math.imul(low ^ high, 0xc2b2_ae3d);
  }
  return high * lowRange + (low >>> 0);
}

/** What else a block's content depends on, such as an image or a LoRA: text that no tokens stand for. */
export function hashExtra(before: TokenHash, extra: string): TokenHash {
  if (extra === "") return before;
  const codes = Array.from(extra, (character) => -1 - (character.codePointAt(0) ?? 0));
  return hashTokens(before, codes);
}
