/**
 * A batch of KV events from MessagePack, in every encoding in use, leniently: by length and by name.
 *
 * The batch is an array `[timestamp, events, rank]` or a map `{ts, events, data_parallel_rank}`. An event is an array that
 * begins with its kind, whose fields have fixed places and of which later versions have more, or a map with its kind as
 * `type`. What is not known is skipped and counted; only what is no batch at all is a fault.
 */

import { decodeMsgpack, type MsgpackValue } from "../../wire/msgpack.ts";
import type { BlockHash, BlockRemoved, BlockStored, KvBatch, KvEvent } from "./event.ts";

export type KvFault = { readonly kind: "fault"; readonly reason: string };
export type KvDecoded = { readonly kind: "batch"; readonly batch: KvBatch } | KvFault;

const longestHashBytes = 64;
const longestName = 256;

export function decodeBatch(payload: Uint8Array): KvDecoded {
  const decoded = decodeMsgpack(payload);
  if (decoded.kind === "fault")
    return { kind: "fault", reason: `byte ${decoded.at}: found ${decoded.found}, expected ${decoded.expected}` };
  const fields = toFields(decoded.value, ["ts", "events", "data_parallel_rank"], 0);
  const events = fields?.("events");
  if (fields === undefined || !isList(events))
    return { kind: "fault", reason: "found something else, expected a batch with a list of events" };
  const atS = fields("ts");
  const rank = toWhole(fields("data_parallel_rank"));
  const read = events.map((event) => toEvent(event));
  return {
    kind: "batch",
    batch: {
      atS: typeof atS === "number" ? atS : 0,
      events: read.filter((event) => typeof event !== "string"),
      ...present("rank", rank),
      unknown: read.filter((event) => event === "unknown").length,
      malformed: read.filter((event) => event === "malformed").length,
    },
  };
}

type Field = (name: string) => MsgpackValue | undefined;

/** Reads fields of a map by name, and of an array by the places that `names` gives, from `first` on. */
function toFields(value: MsgpackValue, names: readonly string[], first: number): Field | undefined {
  if (value instanceof Map) return (name) => (value as ReadonlyMap<MsgpackValue, MsgpackValue>).get(name);
  if (!isList(value)) return undefined;
  return (name) => {
    const index = names.indexOf(name);
    return index < 0 ? undefined : value[first + index];
  };
}

/** Places of the array encoding, as vLLM has them; SGLang has fewer, and may have a map in the place of `lora_name`. */
const storedNames = [
  "block_hashes",
  "parent_block_hash",
  "token_ids",
  "block_size",
  "lora_id",
  "medium",
  "lora_name",
  "extra_keys",
  "group_idx",
  "kv_cache_spec_kind",
  "kv_cache_spec_sliding_window",
];
const removedNames = ["block_hashes", "medium", "group_idx"];

function toEvent(value: MsgpackValue): KvEvent | "unknown" | "malformed" {
  const kind = value instanceof Map ? value.get("type") : isList(value) ? value[0] : undefined;
  if (kind === "BlockStored") return toStored(toFields(value, storedNames, 1)) ?? "malformed";
  if (kind === "BlockRemoved") return toRemoved(toFields(value, removedNames, 1)) ?? "malformed";
  if (kind === "AllBlocksCleared") return { kind: "all-blocks-cleared" };
  return "unknown";
}

function toStored(field: Field | undefined): BlockStored | undefined {
  const blocks = toHashes(field?.("block_hashes"));
  const tokens = toTokens(field?.("token_ids"));
  if (field === undefined || blocks === undefined || tokens === undefined) return undefined;
  const parent = toAbsent(field("parent_block_hash"));
  const parentHash = parent === undefined ? undefined : toHash(parent);
  if (parent !== undefined && parentHash === undefined) return undefined;
  const extraKeys = field("extra_keys");
  const atLoraName = field("lora_name");
  const salt = field("cache_salt") ?? (atLoraName instanceof Map ? atLoraName.get("cache_salt") : undefined);
  return {
    kind: "block-stored",
    blocks,
    ...present("parent", parentHash),
    tokens,
    blockTokens: toWhole(field("block_size")) ?? 0,
    ...present("loraId", toWhole(field("lora_id"))),
    ...present("loraName", toName(atLoraName)),
    ...present("medium", toName(field("medium"))),
    ...present("extraKeys", isList(extraKeys) ? extraKeys : undefined),
    ...present("cacheSalt", toName(salt)),
    ...present("group", toWhole(field("group_idx"))),
    ...present("cacheSpec", toName(field("kv_cache_spec_kind"))),
    ...present("slidingWindow", toWhole(field("kv_cache_spec_sliding_window"))),
  };
}

function toRemoved(field: Field | undefined): BlockRemoved | undefined {
  const blocks = toHashes(field?.("block_hashes"));
  if (field === undefined || blocks === undefined) return undefined;
  return {
    kind: "block-removed",
    blocks,
    ...present("medium", toName(field("medium"))),
    ...present("group", toWhole(field("group_idx"))),
  };
}

function toHashes(value: MsgpackValue | undefined): readonly BlockHash[] | undefined {
  if (value === undefined || !isList(value)) return undefined;
  const hashes: BlockHash[] = [];
  for (const each of value) {
    const hash = toHash(each);
    if (hash === undefined) return undefined;
    hashes.push(hash);
  }
  return hashes;
}

/** Signed and unsigned readings of the same 64 bits become the same. */
function toHash(value: MsgpackValue): BlockHash | undefined {
  if (typeof value === "bigint" || Number.isSafeInteger(value))
    return BigInt.asUintN(64, BigInt(value as bigint | number))
      .toString(16)
      .padStart(16, "0");
  if (!(value instanceof Uint8Array) || value.length === 0 || value.length > longestHashBytes) return undefined;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex");
}

function toTokens(value: MsgpackValue | undefined): readonly number[] | undefined {
  if (value === undefined || value === null) return [];
  return isList(value) && value.every((token) => Number.isSafeInteger(token))
    ? (value as readonly number[])
    : undefined;
}

function toAbsent(value: MsgpackValue | undefined): Exclude<MsgpackValue, null> | undefined {
  return value === null ? undefined : value;
}

function toWhole(value: MsgpackValue | undefined): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function toName(value: MsgpackValue | undefined): string | undefined {
  return typeof value === "string" && value.length <= longestName ? value : undefined;
}

function isList(value: MsgpackValue | undefined): value is readonly MsgpackValue[] {
  return Array.isArray(value);
}

function present<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]: Value });
}
