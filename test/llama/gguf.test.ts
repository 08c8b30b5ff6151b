import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHalf, toHalf } from "../../src/llama/fill-tensor.ts";
import { shapes, toFigures, type LlamaShape, type WeightFormat } from "../../src/llama/shape.ts";
import { toGguf } from "../../src/llama/write-gguf.ts";
import { vocabulary } from "../../src/llama/vocabulary.ts";
import { readGguf } from "./read-gguf.ts";

const tiny: LlamaShape = { ...shapes.small, layers: 1, hiddenSize: 64, attentionHeads: 1, innerSize: 64 };

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

test("equal plans give equal bytes, and another seed other weights only", () => {
  const plan = { name: "tiny", seed: 7, shape: tiny };
  expect(hash(toGguf(plan))).toBe(hash(toGguf(plan)));
  const [one, other] = [readGguf(toGguf(plan)), readGguf(toGguf({ ...plan, seed: 8 }))];
  expect(other.metadata).toEqual(one.metadata);
  expect(other.tensors.map(({ name }) => name)).toEqual(one.tensors.map(({ name }) => name));
  expect(other.row("blk.0.attn_q.weight", 0)).not.toEqual(one.row("blk.0.attn_q.weight", 0));
});

test("the file says what the shape says", () => {
  const { metadata, tensors } = readGguf(toGguf({ name: "tiny", seed: 1, shape: tiny }));
  expect(metadata.get("general.architecture")).toBe("llama");
  expect(metadata.get("general.name")).toBe("tiny");
  expect(metadata.get("llama.block_count")).toBe(1);
  expect(metadata.get("llama.embedding_length")).toBe(64);
  expect(metadata.get("tokenizer.ggml.tokens")).toEqual(vocabulary.map(({ text }) => text));
  expect(tensors.find(({ name }) => name === "blk.0.ffn_down.weight")?.dimensions).toEqual([64, 64]);
  expect(tensors).toHaveLength(12);
});

test.each(["f32", "f16", "q8_0"] as const)("the figures of %s are those of its tensors", (format) => {
  const shape = { ...tiny, format };
  const bytes = toGguf({ name: "tiny", seed: 1, shape });
  const { tensors, start } = readGguf(bytes);
  const { weightBytes, lookupBytes, activeParameters, kvBytesPerToken } = toFigures("tiny", shape);
  const last = tensors.at(-1);
  expect(weightBytes).toBe(tensors.reduce((sum, { bytes: own }) => sum + own, 0));
  expect(tensors.every(({ offset }) => offset % 32 === 0)).toBe(true);
  expect(bytes.length).toBe(start + Math.ceil(((last?.offset ?? 0) + (last?.bytes ?? 0)) / 32) * 32);
  expect(lookupBytes).toBe(tensors[0]?.bytes);
  expect(activeParameters).toBe(7 * 64 * 64);
  expect(kvBytesPerToken).toBe(256);
});

describe("one seed gives one model", () => {
  const weights = (format: WeightFormat): readonly number[] =>
    readGguf(toGguf({ name: "tiny", seed: 3, shape: { ...tiny, format } })).row("blk.0.ffn_up.weight", 5);

  test("exactly in 32 bits and in blocks of 8", () => {
    expect(weights("q8_0")).toEqual(weights("f32"));
  });

  test("and rounded in 16", () => {
    expect(weights("f16")).toEqual(weights("f32").map((weight) => fromHalf(toHalf(weight))));
  });
});

test("it never answers with a byte or a sign of its own", () => {
  const { row } = readGguf(toGguf({ name: "tiny", seed: 1, shape: tiny }));
  for (const [id, { kind }] of vocabulary.entries())
    if (kind !== "normal") expect(row("output.weight", id).every((weight) => weight === 0)).toBe(true);
  expect(row("output.weight", vocabulary.length - 1).some((weight) => weight !== 0)).toBe(true);
});

test("16-bit floats are the nearest ones", () => {
  expect([1, 0.5, -0.25, 0, 2 ** -14, 2 ** -24, 0.099_975_585_937_5].map(toHalf)).toEqual([
    0x3c00, 0x3800, 0xb400, 0, 0x0400, 0x0001, 0x2e66,
  ]);
  fc.assert(
    fc.property(fc.double({ min: -1, max: 1, noNaN: true }), (value) => {
      const half = toHalf(value);
      const off = Math.abs(fromHalf(half) - value);
      for (const beside of [half - 1, half + 1])
        if ((beside & 0x7fff) <= 0x3c00 && beside >> 15 === half >> 15 && beside >= 0)
          expect(Math.abs(fromHalf(beside) - value)).toBeGreaterThanOrEqual(off);
    }),
    { numRuns: 200 },
  );
});
