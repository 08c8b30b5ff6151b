/** Configurations for tests: valid ones, drawn at random and given as documents. */

import fc from "fast-check";
import type { Json } from "../../trace/documents.ts";

const models = [
  "llama-3.1-8b",
  "qwen2.5-32b",
  "embed-1.2b",
  "qwen2.5:7b-instruct-q4_K_M",
  "acme-13b",
  "llama-3.1-405b",
];
const gpus = ["h100-80g", "rtx-4090-24g", "l4-24g", "cpu"];

type Draft = {
  readonly kind: string;
  readonly models: readonly string[];
  readonly listed: boolean;
  readonly gpu: string | null;
  readonly gpus: number;
  readonly maxSequences: number | null;
  readonly maxResident: number | null;
  readonly kvBytes: number | null;
  readonly memoryShare: number | null;
  readonly residents: number;
};

const draft: fc.Arbitrary<Draft> = fc.record({
  kind: fc.constantFrom("vllm", "sglang", "llama-cpp", "ollama", "openai", "emulated"),
  models: fc.subarray(models, { minLength: 1 }),
  listed: fc.boolean(),
  gpu: fc.option(fc.constantFrom(...gpus)),
  gpus: fc.integer({ min: 1, max: 8 }),
  maxSequences: fc.option(fc.integer({ min: 1, max: 300 })),
  maxResident: fc.option(fc.integer({ min: 1, max: 6 })),
  kvBytes: fc.option(fc.constantFrom(1, 1_000_000, 4_000_000_000, 80_000_000_000)),
  memoryShare: fc.option(fc.constantFrom(0.1, 0.37, 0.9, 1)),
  residents: fc.integer({ min: 0, max: 6 }),
});

/** As `fate.yaml` has it, all references good. */
export const configDocument: fc.Arbitrary<{ [key: string]: Json }> = fc
  .tuple(
    fc.array(draft, { minLength: 1, maxLength: 5 }),
    fc.constantFrom<{ [key: string]: Json }>(
      {},
      { queue: { maxWaiting: 7 }, log: { level: "debug" }, metrics: false },
      { tenants: [{ id: "a", priority: -2 }], keys: [{ id: "k", sha256: "0a".repeat(32), tenant: "a" }] },
      { models: [{ id: "mine", parameters: 3_000_000_000, aliases: ["yours"] }], policy: "greedy-finish" },
      { declared: { tools: [{ name: "t", url: "http://127.0.0.1:1/x", headersFromEnv: { "x-key": "KEY" } }] } },
    ),
  )
  .map(([drafts, rest]) => ({ ...rest, engines: drafts.map(toEngine) }));

function toEngine(each: Draft, index: number): Json {
  const fitting = { emulated: 4 } as const;
  const most = each.maxResident ?? (each.kind in fitting ? 4 : each.kind === "ollama" ? 3 : 1);
  const resident = each.models.slice(0, Math.min(each.residents, most));
  return {
    kind: each.kind,
    gpus: each.gpus,
    ...(each.listed || each.kind === "emulated" ? { models: [...each.models] } : {}),
    resident: [...resident],
    ...(each.kind === "emulated" ? { speed: 20 } : { url: `http://10.0.0.${index + 1}:8000` }),
    ...given("gpu", each.gpu),
    ...given("maxSequences", each.maxSequences),
    ...given("maxResident", each.maxResident),
    ...given("kvBytes", each.kvBytes),
    ...given("memoryShare", each.memoryShare),
  };
}

function given(key: string, value: Json): { [key: string]: Json } {
  return value === null ? {} : { [key]: value };
}
