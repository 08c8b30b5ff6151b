/** Writes a batch of KV events as vLLM does: with events as arrays, as it did first, or as maps, as it does since 2026-06. */

import { encodeMsgpack, type Encodable } from "../../wire/msgpack-encode.ts";
import type { BlockHash, KvBatch, KvEvent } from "./event.ts";

export type KvEncoding = "arrays" | "maps";

export function encodeBatch(
  { atS, events, rank }: Pick<KvBatch, "atS" | "events" | "rank">,
  how: KvEncoding,
): Uint8Array {
  const encoded = events.map((event) => {
    const { type, required, optional } = toFields(event, how);
    return how === "maps" ? toMap(type, required, optional) : toArray(type, required, optional);
  });
  return encodeMsgpack([{ float64: atS }, encoded, rank ?? null]);
}

type Named = readonly (readonly [name: string, value: Encodable | undefined])[];
type Fields = { readonly type: string; readonly required: Named; readonly optional: Named };

function toFields(event: KvEvent, how: KvEncoding): Fields {
  if (event.kind === "all-blocks-cleared") return { type: "AllBlocksCleared", required: [], optional: [] };
  const hashes = event.blocks.map((hash) => toWire(hash));
  if (event.kind === "block-removed")
    return {
      type: "BlockRemoved",
      required: [
        ["block_hashes", hashes],
        ["medium", event.medium],
      ],
      optional: [["group_idx", event.group]],
    };
  // In arrays a salt has no place of its own: SGLang puts it where vLLM has the name of a LoRA.
  const { cacheSalt } = event;
  const metadata = how === "maps" || cacheSalt === undefined ? undefined : new Map([["cache_salt", cacheSalt]]);
  return {
    type: "BlockStored",
    required: [
      ["block_hashes", hashes],
      ["parent_block_hash", event.parent === undefined ? undefined : toWire(event.parent)],
      ["token_ids", event.tokens],
      ["block_size", event.blockTokens],
      ["lora_id", event.loraId],
      ["medium", event.medium],
      ["lora_name", event.loraName ?? metadata],
    ],
    optional: [
      ["extra_keys", event.extraKeys],
      ["group_idx", event.group],
      ["kv_cache_spec_kind", event.cacheSpec],
      ["kv_cache_spec_sliding_window", event.slidingWindow],
      ["cache_salt", how === "maps" ? cacheSalt : undefined],
    ],
  };
}

function toMap(type: string, required: Named, optional: Named): Encodable {
  const entries = new Map<string, Encodable>([["type", type]]);
  for (const [name, value] of required) entries.set(name, value ?? null);
  for (const [name, value] of optional) if (value !== undefined) entries.set(name, value);
  return entries;
}

/** Up to the last field that has a value. */
function toArray(type: string, required: Named, optional: Named): Encodable {
  const last = optional.findLastIndex(([, value]) => value !== undefined);
  const fields = [...required, ...optional.slice(0, last + 1)];
  return [type, ...fields.map(([, value]) => value ?? null)];
}

/** 16 digits are a number of 64 bits, anything else bytes. */
function toWire(hash: BlockHash): Encodable {
  return hash.length === 16 ? BigInt(`0x${hash}`) : Buffer.from(hash, "hex");
}
