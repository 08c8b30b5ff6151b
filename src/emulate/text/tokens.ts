/**
 * Text as an emulated engine sees it: four bytes are a token, and blocks of tokens are hashed into chains, so that equal
 * beginnings have equal links, in this engine and in every other.
 */

import { chainHash, type ChainLink } from "../../model/prefix.ts";

export const bytesPerToken = 4;
const vocabularySize = 128_000;

export type Prompt = {
  readonly bytes: Buffer;
  readonly tokens: number;
  /** Whole blocks only, as only those are cached. */
  readonly chain: readonly ChainLink[];
  /** Of all of it. */
  readonly hash: number;
};

export function toPrompt(text: string | Buffer, blockTokens: number, salt = ""): Prompt {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  const chain = toChain(bytes, blockTokens, salt);
  const hashedBytes = chain.length * blockTokens * bytesPerToken;
  const last = chain.at(-1)?.hash ?? saltHash(salt);
  return {
    bytes,
    tokens: Math.max(1, Math.ceil(bytes.length / bytesPerToken)),
    chain,
    hash: chainHash(last, bytes.toString("latin1", hashedBytes)),
  };
}

/** The links of `bytes`, going on from those of its beginning that are known. */
export function toChain(
  bytes: Buffer,
  blockTokens: number,
  salt = "",
  known: readonly ChainLink[] = [],
): readonly ChainLink[] {
  const blockBytes = blockTokens * bytesPerToken;
  const chain = [...known];
  let hash = known.at(-1)?.hash ?? saltHash(salt);
  for (let end = (known.length + 1) * blockBytes; end <= bytes.length; end += blockBytes) {
    hash = chainHash(hash, bytes.toString("latin1", end - blockBytes, end));
    chain.push({ hash, tokens: blockTokens });
  }
  return chain;
}

function saltHash(salt: string): number | undefined {
  return salt === "" ? undefined : chainHash(undefined, salt);
}

/** The id of each token between two tokens of the text: the same four bytes have the same id. */
export function toTokenIds(bytes: Buffer, fromToken = 0, toToken = Math.ceil(bytes.length / bytesPerToken)): number[] {
  const ids: number[] = [];
  for (let token = fromToken; token < toToken; token++) {
    let word = 0;
    for (let index = 0; index < bytesPerToken; index++)
      word = (word << 8) | (bytes[token * bytesPerToken + index] ?? 0);
    ids.push((Math.imul(word ^ (word >>> 15), 0x2c1b_3c6d) >>> 0) % vocabularySize);
  }
  return ids;
}
