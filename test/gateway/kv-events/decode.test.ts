import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBatch } from "../../../src/gateway/kv-events/decode.ts";
import { encodeBatch } from "../../../src/gateway/kv-events/encode.ts";
import { encodeSequence, endSequence, parseSequence, type KvEvent } from "../../../src/gateway/kv-events/event.ts";
import { encodeMsgpack, type Encodable } from "../../../src/wire/msgpack-encode.ts";

const decode = (value: Encodable) => decodeBatch(encodeMsgpack(value));
const map = (fields: Record<string, Encodable>): Encodable => new Map(Object.entries(fields));
const events = (value: Encodable): readonly KvEvent[] => {
  const decoded = decode(value);
  return decoded.kind === "batch" ? decoded.batch.events : [];
};

const stored = {
  kind: "block-stored",
  blocks: ["00000000000000ff", "dab8d3e32f2c0400"],
  tokens: [1, 2, 3, 4],
  blockTokens: 2,
};

test("vLLM's first arrays", () => {
  const event = ["BlockStored", [255, 0xdab8d3e32f2c0400n], null, [1, 2, 3, 4], 2, null];
  expect(decode([{ float64: 3 }, [event, ["BlockRemoved", [255]], ["AllBlocksCleared"]]])).toEqual({
    kind: "batch",
    batch: {
      atS: 3,
      events: [stored, { kind: "block-removed", blocks: ["00000000000000ff"] }, { kind: "all-blocks-cleared" }],
      unknown: 0,
      malformed: 0,
    },
  });
});

test("vLLM's later arrays, with more at their ends than is known", () => {
  const event = ["BlockStored", [255], 7, [1, 2], 2, 4, "GPU", "sql", [["sql"]], 1, "sliding_window", 128, "new", 9];
  expect(events([1.5, [event, ["BlockRemoved", [255], "CPU", 1, "new"]], 3])).toEqual([
    {
      kind: "block-stored",
      blocks: ["00000000000000ff"],
      parent: "0000000000000007",
      tokens: [1, 2],
      blockTokens: 2,
      loraId: 4,
      loraName: "sql",
      medium: "GPU",
      extraKeys: [["sql"]],
      group: 1,
      cacheSpec: "sliding_window",
      slidingWindow: 128,
    },
    { kind: "block-removed", blocks: ["00000000000000ff"], medium: "CPU", group: 1 },
  ]);
});

test("vLLM's maps since 2026-06, in any order and with fields that are not known", () => {
  const event = map({
    locality: "here",
    block_hashes: [0xdab8d3e32f2c0400n],
    type: "BlockStored",
    parent_block_hash: null,
    token_ids: [5, 6],
    block_size: 2,
    lora_id: null,
    medium: "GPU",
    lora_name: null,
    extra_keys: [null],
    group_idx: 0,
    kv_cache_spec_kind: "full_attention",
  });
  const cleared = map({ type: "AllBlocksCleared" });
  expect(decode([1.5, [event, cleared], 0])).toEqual({
    kind: "batch",
    batch: {
      atS: 1.5,
      events: [
        {
          kind: "block-stored",
          blocks: ["dab8d3e32f2c0400"],
          tokens: [5, 6],
          blockTokens: 2,
          medium: "GPU",
          extraKeys: [null],
          group: 0,
          cacheSpec: "full_attention",
        },
        { kind: "all-blocks-cleared" },
      ],
      rank: 0,
      unknown: 0,
      malformed: 0,
    },
  });
});

test("a batch that is a map itself", () => {
  const batch = map({ ts: 2.5, events: [map({ type: "BlockRemoved", block_hashes: [1] })], data_parallel_rank: 2 });
  const removed = { kind: "block-removed", blocks: ["0000000000000001"] };
  expect(decode(batch)).toEqual({
    kind: "batch",
    batch: { atS: 2.5, events: [removed], rank: 2, unknown: 0, malformed: 0 },
  });
});

test("SGLang's arrays, with a salt where vLLM has the name of a LoRA, and its maps", () => {
  const array = ["BlockStored", [-2], null, [1, 2], 2, null, "GPU", map({ cache_salt: "tenant" })];
  const named = map({
    type: "BlockStored",
    block_hashes: [-2],
    parent_block_hash: null,
    token_ids: [1, 2],
    block_size: 2,
    medium: "GPU",
    cache_salt: "tenant",
    session_id: "s",
  });
  const salted = {
    kind: "block-stored",
    blocks: ["fffffffffffffffe"],
    tokens: [1, 2],
    blockTokens: 2,
    medium: "GPU",
    cacheSalt: "tenant",
  };
  expect(events([1.5, [array, named]])).toEqual([salted, salted]);
});

test("a hash has one name, whether it comes signed, unsigned or as bytes", () => {
  const hash = 0xdab8_d3e3_2f2c_0400n;
  const removed = [
    "BlockRemoved",
    [hash, hash - 2n ** 64n, Buffer.from("dab8d3e32f2c0400", "hex"), Buffer.alloc(32, 1)],
  ];
  expect(events([1.5, [removed]])).toEqual([
    {
      kind: "block-removed",
      blocks: ["dab8d3e32f2c0400", "dab8d3e32f2c0400", "dab8d3e32f2c0400", "01".repeat(32)],
    },
  ]);
});

test.each<[string, Encodable, number, number]>([
  ["a kind that is not known", ["BlockMoved", [1]], 1, 0],
  ["no event at all", 5, 1, 0],
  ["no hashes", ["BlockRemoved"], 0, 1],
  ["a hash that is a float", ["BlockRemoved", [1.5]], 0, 1],
  ["a hash that is too long", ["BlockRemoved", [new Uint8Array(65)]], 0, 1],
  ["tokens that are text", ["BlockStored", [1], null, ["a"], 2], 0, 1],
  ["a parent that is text", ["BlockStored", [1], "a", [1], 2], 0, 1],
])("%s is skipped and counted, the rest is read", (_, event, unknown, malformed) => {
  expect(decode([1.5, [event, ["AllBlocksCleared"]]])).toEqual({
    kind: "batch",
    batch: { atS: 1.5, events: [{ kind: "all-blocks-cleared" }], unknown, malformed },
  });
});

test.each<[string, Uint8Array, string]>([
  ["nothing", new Uint8Array(), "byte 0: found the end, expected 1 bytes more"],
  ["a number", encodeMsgpack(1), "found something else, expected a batch with a list of events"],
  ["no list", encodeMsgpack([1.5, 2]), "found something else, expected a batch with a list of events"],
])("%s is no batch", (_, payload, reason) => {
  expect(decodeBatch(payload)).toEqual({ kind: "fault", reason });
});

const whole = fc.nat({ max: 1_000_000 });
const hash = fc
  .oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.uint8Array({ minLength: 32, maxLength: 32 }))
  .map((each) => (typeof each === "bigint" ? each.toString(16).padStart(16, "0") : Buffer.from(each).toString("hex")));
const name = fc.string({ unit: "grapheme", maxLength: 20 });
const hashes = fc.array(hash, { maxLength: 5 });
const anyStored = fc.record(
  {
    kind: fc.constant("block-stored" as const),
    blocks: hashes,
    tokens: fc.array(whole, { maxLength: 20 }),
    blockTokens: whole,
    parent: hash,
    loraId: whole,
    loraName: name,
    medium: name,
    extraKeys: fc.array(fc.oneof(fc.constant(null), fc.array(name))),
    group: whole,
    cacheSpec: name,
    slidingWindow: whole,
  },
  { requiredKeys: ["kind", "blocks", "tokens", "blockTokens"] },
);
const anySalted = fc.record({
  kind: fc.constant("block-stored" as const),
  blocks: hashes,
  tokens: fc.array(whole),
  blockTokens: whole,
  cacheSalt: name,
});
const anyRemoved = fc.record(
  { kind: fc.constant("block-removed" as const), blocks: hashes, medium: name, group: whole },
  { requiredKeys: ["kind", "blocks"] },
);
const anyEvent = fc.oneof(anyStored, anySalted, anyRemoved, fc.constant({ kind: "all-blocks-cleared" as const }));
const anyBatch = fc.record({
  atS: fc.double({ noNaN: true }),
  events: fc.array(anyEvent, { maxLength: 6 }),
  rank: whole,
});

test.each(["arrays", "maps"] as const)("what is written as %s is read back", (how) => {
  fc.assert(
    fc.property(anyBatch, (batch) => {
      const expected = { kind: "batch", batch: { ...batch, unknown: 0, malformed: 0 } };
      expect(decodeBatch(encodeBatch(batch, how))).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

test("no bytes make it throw", () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    // A batch with some bytes turned over.
    fc.tuple(anyBatch, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([batch, at, byte]) => {
      const bytes = encodeBatch(batch, "maps");
      bytes[at % bytes.length] = byte;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(noise, (bytes) => {
      expect(["batch", "fault"]).toContain(decodeBatch(bytes).kind);
    }),
    { numRuns: 200 },
  );
});

test("sequence numbers are 64 bits wide", () => {
  expect(parseSequence(encodeSequence(1_789_095_808_837_884_700n))).toBe(1_789_095_808_837_884_700n);
  expect(Buffer.from(encodeSequence(endSequence)).toString("hex")).toBe("f".repeat(16));
  expect(parseSequence(Uint8Array.of(1, 2))).toBeUndefined();
});
