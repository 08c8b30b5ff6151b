import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultModel } from "../../../src/gateway/config/fill-in.ts";
import { isTelling, looksLikeEmbedding, sizeInName, toModelOf } from "../../../src/gateway/config/guess-model.ts";
import { knownModels } from "../../../src/catalogue/models.ts";

test("models of the catalogue are themselves, without assumptions", () => {
  for (const model of knownModels) expect(toModelOf(defaultModel(model.id))).toEqual({ model });
});

test.each([
  ["meta-llama/Llama-3.3-70B-Instruct-FP8", "llama-3.1-70b-fp8", 72.7],
  ["Qwen/Qwen2.5-7B-Instruct-AWQ", "qwen2.5-7b-int4", 5.9],
  ["qwen2.5-7b-instruct-q4_K_M", "qwen2.5-7b-int4", 5.9],
  ["qwen2.5:7b-instruct-q8_0", "qwen2.5-7b", 8.1],
  ["qwen2.5:7b-instruct-fp16", "qwen2.5-7b", 15.2],
  ["qwen2.5:7b", "qwen2.5-7b-int4", 5.9],
  ["llama3.1:8b", "llama-3.1-8b-int4", 6],
  ["gemma2:9b", "gemma-2-9b-int4", 6.5],
  ["hf.co/someone/Llama-3.2-3B-Instruct-GGUF:Q6_K", "llama-3.2-3b-int4", 3.5],
])("%s is %s", (id, like, gigabytes) => {
  const { model, assumption } = toModelOf(defaultModel(id));
  expect(model.id).toBe(id);
  expect(assumption).toMatch(
    new RegExp(`^model ${id.replaceAll(/[.+]/g, "\\$&")}: taken for ${like} with .* by its name$`),
  );
  expect(Math.round(model.weightBytes / 1e8) / 10).toBe(gigabytes);
});

test.each([
  ["acme-13b", 13e9],
  ["acme-1.5b-chat", 1.5e9],
  ["embedder-137m", 137e6],
  ["acme:70b", 70e9],
  ["acme-8x7b", (8 * 7e9 * 5) / 6],
  ["acme-30b-a3b", 30e9],
  ["acme-a3b", undefined],
  ["acme-v2", undefined],
  ["b7b", undefined],
  ["acme-0b", undefined],
])("the size in %s", (id, total) => {
  expect(sizeInName(id)?.total).toBe(total);
  expect(isTelling(id)).toBe(total !== undefined);
});

test("a mixture by its name reads less than it weighs", () => {
  const { model } = toModelOf(defaultModel("acme-30b-a3b"));
  expect(model).toMatchObject({ activeParameters: 3e9, weightBytes: 60e9, experts: { count: 128, perToken: 8 } });
});

test("what the file says goes before the name", () => {
  const base = defaultModel("acme-13b");
  const like = toModelOf({ ...base, like: "qwen3-4b" });
  expect(like).toEqual({ model: { ...knownModels.find(({ id }) => id === "qwen3-4b"), id: "acme-13b" } });
  expect(toModelOf({ ...base, parameters: 2e9 }).model).toMatchObject({ activeParameters: 2e9, weightBytes: 4e9 });
  const { model } = toModelOf({ ...defaultModel("mixtral-8x7b"), weightBytes: 1e9 });
  expect(model.weightBytes).toBe(1e9);
  expect(model.experts?.weightBytes).toBeLessThan(1e9);
});

test("embedding models by their names", () => {
  const names = ["bge-m3", "nomic-embed-text", "BAAI/bge-large", "intfloat/e5-base", "text-embedding-3-small"];
  expect(names.filter(looksLikeEmbedding)).toEqual(names);
  expect(["qwen3-8b", "phi-4", "the5"].filter(looksLikeEmbedding)).toEqual([]);
});

test("any name makes a model whose parts do not exceed the whole", () => {
  const word = fc.constantFrom(
    "llama",
    "3.1",
    "8b",
    "70b",
    "8x7b",
    "a3b",
    "q4_K_M",
    "q8_0",
    "fp8",
    "awq",
    "instruct",
    "x",
    "0b",
  );
  const id = fc.tuple(fc.array(word, { minLength: 1, maxLength: 5 }), fc.constantFrom("-", ":", "/", "_"));
  fc.assert(
    fc.property(id, fc.option(fc.integer({ min: 1, max: 1e12 })), ([words, by], weightBytes) => {
      const config = { ...defaultModel(words.join(by)), ...(weightBytes === null ? {} : { weightBytes }) };
      const { model } = toModelOf(config);
      expect(model.weightBytes).toBeGreaterThan(0);
      expect(model.activeParameters).toBeGreaterThan(0);
      expect((model.experts?.weightBytes ?? 0) + (model.lookupBytes ?? 0)).toBeLessThanOrEqual(model.weightBytes);
      expect(model.experts?.perToken ?? 0).toBeLessThanOrEqual(model.experts?.count ?? 0);
    }),
    { numRuns: 200 },
  );
});
