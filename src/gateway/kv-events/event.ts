/** What an engine says about its prefix cache, whatever the encoding it came in. */

import type { MsgpackValue } from "../../wire/msgpack.ts";

/**
 * The engine's own name of a block, in hexadecimal: 16 digits for what came as an integer, signed or not, or the bytes it
 * came as. Nothing is read into it: it means something only next to other names of the same engine.
 */
export type BlockHash = string;

export type KvEvent = BlockStored | BlockRemoved | AllBlocksCleared;

/** Blocks that follow one another, the first of them after `parent`. */
export type BlockStored = {
  readonly kind: "block-stored";
  readonly blocks: readonly BlockHash[];
  /** Absent: they begin a prompt. */
  readonly parent?: BlockHash;
  /** Of all of these blocks, in order; empty if the engine does not say. */
  readonly tokens: readonly number[];
  readonly blockTokens: number;
  readonly loraId?: number;
  readonly loraName?: string;
  /** `GPU`, or a slower tier; absent: the GPU. */
  readonly medium?: string;
  /** A list for each block of what else its hash covers, such as images or a salt; null for nothing. */
  readonly extraKeys?: readonly MsgpackValue[];
  readonly cacheSalt?: string;
  /** Of the layers that share a block table, in models that mix kinds of attention. */
  readonly group?: number;
  /** Kind of that group, such as `full_attention` or `sliding_window`. */
  readonly cacheSpec?: string;
  readonly slidingWindow?: number;
};

export type BlockRemoved = {
  readonly kind: "block-removed";
  readonly blocks: readonly BlockHash[];
  readonly medium?: string;
  readonly group?: number;
};

export type AllBlocksCleared = { readonly kind: "all-blocks-cleared" };

/** What one message of an engine holds: the events of one of its steps. */
export type KvBatch = {
  /** By the engine's clock, in seconds. */
  readonly atS: number;
  readonly events: readonly KvEvent[];
  /** Of the data-parallel replica that it is about. */
  readonly rank?: number;
  /** Events left out because their kind is not known. */
  readonly unknown: number;
  /** Events left out although their kind is known: what they say is lost. */
  readonly malformed: number;
};

/** Sequence numbers are 64 bits wide, and some engines begin with a time in nanoseconds. */
export function encodeSequence(sequence: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(sequence);
  return bytes;
}

export function parseSequence(bytes: Uint8Array | undefined): bigint | undefined {
  if (bytes?.length !== 8) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
}

/** Ends a replay: -1. */
export const endSequence = 2n ** 64n - 1n;
