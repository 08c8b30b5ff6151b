import fc from "fast-check";
import { expect, test } from "vitest";
import type { Sight } from "../../../src/gateway/adapter/adapter.ts";
import type { Config } from "../../../src/gateway/config/config.ts";
import { parseConfig } from "../../../src/gateway/config/parse-config.ts";
import { toCluster, type ClusterAndModels } from "../../../src/gateway/config/to-cluster.ts";
import { createCostModel } from "../../../src/cost/cost-model.ts";
import { shippedCalibration } from "../../../src/cost/shipped-calibration.ts";
import { createHoldings, type EngineHolding } from "../../../src/model/holding.ts";
import { validateCluster } from "../../../src/trace/validate-cluster.ts";
import { configDocument } from "./documents.ts";
import { portionOf } from "../../support/portion.ts";

const parse = (...engines: readonly string[]): Config =>
  parseConfig(["engines:", ...engines.map((engine) => `  - { ${engine} }`)].join("\n"), "fate.yaml");
const holdingsOf = ({ cluster, models }: ClusterAndModels): readonly EngineHolding[] => createHoldings(cluster, models);
const sightOf = (sight: Sight): ReadonlyMap<string, Sight> => new Map([["vllm", sight]]);

test("a described engine is what its GPUs are", () => {
  const { cluster, assumptions } = toCluster(
    parse('kind: vllm, url: "http://10.0.0.1:1", gpu: h100-80g, gpus: 2, models: [llama-3.1-8b], labels: [a]'),
  );
  expect(assumptions).toEqual([]);
  expect(cluster.devices).toEqual([
    { id: "vllm/0", host: "10.0.0.1", gpu: "h100-80g" },
    { id: "vllm/1", host: "10.0.0.1", gpu: "h100-80g" },
  ]);
  expect(cluster.engines).toEqual([
    {
      id: "vllm",
      devices: ["vllm/0", "vllm/1"],
      role: "both",
      batching: { kind: "batched", maxSequences: 256, prefillTokens: 8192, chunkedPrefill: true },
      models: ["llama-3.1-8b"],
      resident: [],
      maxResident: 1,
      memoryShare: 0.9,
      labels: ["a"],
    },
  ]);
});

test("one call at a time is a batch of one; what holds its models for good runs them side by side", () => {
  const { cluster } = toCluster(parse('kind: vllm, url: "http://h:1", models: [llama-3.1-8b], maxSequences: 1'));
  expect(cluster.engines[0]?.batching).toMatchObject({ kind: "batched", maxSequences: 1 });
  const api = toCluster(parse('kind: openai, url: "http://h:1", models: [llama-3.1-8b]'));
  expect(api.cluster.engines[0]?.batching).toMatchObject({ kind: "batched", mixesModels: true });
});

test("an API holds all that it serves, each model as if alone, unless it is said to hold fewer", () => {
  const two = 'kind: openai, url: "http://h:1", gpu: h100-80g, models: [llama-3.1-8b, qwen2.5-32b]';
  const { cluster, models } = toCluster(parse(two));
  const [api] = cluster.engines;
  expect(api).toMatchObject({ resident: ["llama-3.1-8b", "qwen2.5-32b"], maxResident: 2 });
  // As much KV memory for each as the larger leaves of the GPU.
  const [holding] = createHoldings(cluster, models);
  expect(holding?.engine.kvBytes).toBeGreaterThan(6e9);
  const needed = [...(holding?.models.values() ?? [])].reduce((sum, { footprintBytes }) => sum + footprintBytes, 0);
  expect(needed).toBeLessThanOrEqual(holding?.memoryBytes ?? 0);
  const swapping = toCluster(parse(`${two}, maxResident: 1`)).cluster.engines[0];
  expect(swapping).toMatchObject({ resident: [], maxResident: 1 });
  expect(swapping?.batching).not.toHaveProperty("mixesModels");
  const listed = toCluster(
    parse('kind: openai, id: vllm, url: "http://h:1"'),
    sightOf({ models: ["llama-3.1-8b", "phi-4-14.7b"] }),
  );
  expect(listed.cluster.engines[0]).toMatchObject({ resident: ["llama-3.1-8b", "phi-4-14.7b"], maxResident: 2 });
});

test("what the server says of its KV memory holds, to the token", () => {
  const config = parse('kind: vllm, url: "http://h:1", gpu: h100-80g, models: [llama-3.1-8b]');
  const held = (sight: Sight): number | undefined =>
    holdingsOf(toCluster(config, sightOf(sight)))[0]?.models.get("llama-3.1-8b")?.kvCapacityTokens;
  expect(held({ kvCapacityTokens: 123_457 })).toBe(123_457);
  expect(held({ kvCapacityTokens: 9_000_000 })).toBe(9_000_000);
  expect(held({ kvCapacityTokens: 0 })).toBe(held({}));
});

test("calls of a server that never tells its KV memory do not wait for memory that is only guessed", () => {
  const tokensOf = (more: string): number | undefined => {
    const config = parse(`kind: openai, url: "http://h:1", models: [llama-3.1-70b]${more}`);
    return holdingsOf(toCluster(config))[0]?.models.get("llama-3.1-70b")?.kvCapacityTokens;
  };
  // 4096 tokens for each of 32 calls, and of as many as are said, on a GPU that could not even hold the weights.
  expect(tokensOf("")).toBeGreaterThanOrEqual(32 * 4096);
  expect(tokensOf(", maxSequences: 100")).toBeGreaterThanOrEqual(100 * 4096);
  expect(tokensOf(", maxSequences: 100000")).toBeLessThan(1.1 * 256 * 4096);
  expect(tokensOf(", kvBytes: 2e9")).toBeLessThan(8192);
});

test("an engine without a list holds what its server shows, loaded as it shows", () => {
  const config = parse('kind: ollama, id: vllm, url: "http://h:1", gpu: rtx-4090-24g');
  expect(holdingsOf(toCluster(config))[0]?.models.size).toBe(0);
  const shown = toCluster(config, sightOf({ models: ["qwen3:8b", "acme"], resident: ["qwen3:8b"] }));
  expect([...(holdingsOf(shown)[0]?.models.keys() ?? [])]).toEqual(["qwen3:8b", "acme"]);
  expect(shown.cluster.engines[0]?.resident).toEqual(["qwen3:8b"]);
  expect(shown.assumptions).toEqual([
    "model qwen3:8b: taken for qwen3-8b-int4 with 6.4 GB of weights, by its name",
    "model acme: nothing is known of it; taken for 8 billion parameters. Say like: or parameters: under models",
  ]);
});

test("of many models of which nothing is known it is said once", () => {
  const models = Array.from({ length: 300 }, (_, index) => `acme-${"x".repeat(index)}`);
  const { assumptions } = toCluster(parse('kind: openai, id: vllm, url: "http://h:1"'), sightOf({ models }));
  const said = assumptions.filter((each) => each.includes("nothing is known"));
  expect(said).toEqual([
    expect.stringMatching(
      /^models acme-, acme-x, .*, acme-xxxxxxx, 292 more: nothing is known of them; taken for 8 billion/,
    ),
  ]);
});

test("a list goes before what the server shows", () => {
  const config = parse('kind: vllm, url: "http://h:1", gpu: h100-80g, models: [qwen3-8b]');
  const { cluster } = toCluster(config, sightOf({ models: ["qwen3-4b"], resident: ["qwen3-4b"] }));
  expect(cluster.engines.map(({ models, resident }) => [models, resident])).toEqual([[["qwen3-8b"], []]]);
});

test("a real server can hold what it serves, an emulated one what its GPU can", () => {
  const big = "gpu: l4-24g, models: [llama-3.1-70b, qwen3-4b]";
  const real = toCluster(parse(`kind: vllm, url: "http://h:1", ${big}`));
  expect([...(holdingsOf(real)[0]?.models.keys() ?? [])]).toEqual(["llama-3.1-70b", "qwen3-4b"]);
  expect(real.assumptions[0]).toContain("more than its share of 1 x l4-24g; it is taken to have as much");
  expect(real.cluster.gpus.map(({ id }) => id)).toEqual([expect.stringMatching(/^l4-24g, taken to have \d+\.\d GB$/)]);
  const emulated = toCluster(parse(`kind: emulated, ${big}, resident: [llama-3.1-70b]`));
  expect([...(holdingsOf(emulated)[0]?.models.keys() ?? [])]).toEqual(["qwen3-4b"]);
  expect(emulated.cluster.engines[0]?.resident).toEqual([]);
  expect(emulated.assumptions).toHaveLength(2);
});

test("a server that holds more than it was said to is believed", () => {
  const config = parse('kind: vllm, url: "http://h:1", gpu: l4-24g, models: [llama-3.1-8b, qwen3-8b, qwen3-4b]');
  const { cluster } = toCluster(config, sightOf({ resident: ["llama-3.1-8b", "qwen3-8b"] }));
  expect(cluster.engines.map(({ maxResident, resident }) => [maxResident, resident.length])).toEqual([[2, 2]]);
});

test("an emulated engine holds no more than it may, whatever it shows", () => {
  const config = parse("kind: emulated, id: vllm, maxResident: 1, kvBytes: 1e9, models: [qwen3-4b, qwen3-8b]");
  const { cluster } = toCluster(config, sightOf({ resident: ["qwen3-8b", "qwen3-4b"] }));
  expect(cluster.engines.map(({ maxResident, resident }) => [maxResident, resident])).toEqual([[1, ["qwen3-8b"]]]);
});

test("a GPU of which nothing is said is assumed aloud", () => {
  const { cluster, assumptions } = toCluster(parse('kind: llama-cpp, url: "http://h:1"'));
  expect(cluster.gpus.map(({ id }) => id)).toEqual(["rtx-4090-24g"]);
  expect(assumptions).toEqual(["engine llama-cpp: its GPU is taken for rtx-4090-24g. Say gpu:"]);
});

const sight: fc.Arbitrary<Sight> = fc.record(
  {
    models: fc.subarray(["llama-3.1-8b", "acme-13b", "qwen3:30b-a3b", "who-knows"]),
    resident: fc.subarray(["llama-3.1-8b", "acme-13b", "qwen3:30b-a3b", "who-knows"]),
    kvCapacityTokens: fc.constantFrom(0, 1, 100, 5000, 1_000_000, 1e13, Number.NaN),
  },
  { requiredKeys: [] },
);

test("any configuration and any sights make a cluster that costs can be worked out for", () => {
  let held = 0;
  fc.assert(
    fc.property(configDocument, fc.array(sight, { minLength: 5, maxLength: 5 }), (document, sights) => {
      const config = parseConfig(JSON.stringify(document), "f");
      const seen = new Map(
        config.engines.flatMap(({ id }, index) => (index % 2 === 0 ? [[id, sights[index] ?? {}]] : [])),
      );
      const { cluster, models } = toCluster(config, seen);
      const byId = new Map(models.map((model) => [model.id, model]));
      validateCluster(cluster, byId, { file: "f", label: "" });
      const costs = createCostModel(cluster, models, shippedCalibration);
      for (const [index, { engine, models: can }] of costs.engines.entries()) {
        held += can.size;
        // What is listed can be held, and no engine that a file describes is lost.
        expect([...can.keys()].sort()).toEqual([...(engine.models ?? [])].sort());
        expect(engine.id).toBe(config.engines[index]?.id);
        for (const { rates, loadUs, kvCapacityTokens } of can.values()) {
          expect(kvCapacityTokens).toBeGreaterThanOrEqual(1024);
          for (const each of [
            loadUs,
            rates.weightUs,
            rates.productUsPerToken,
            rates.kvUsPerToken,
            rates.attentionUsPerPair,
          ])
            expect(Number.isFinite(each) && each >= 0).toBe(true);
        }
      }
    }),
    { numRuns: portionOf(150) },
  );
  expect(held).toBeGreaterThan(portionOf(100));
});
