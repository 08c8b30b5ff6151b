import fc from "fast-check";
import { expect, test } from "vitest";
import { createAliasOf } from "../../../src/gateway/config/aliases.ts";
import { parseEngineFile } from "../../../src/gateway/config/discovered.ts";
import { addEngines } from "../../../src/gateway/config/fill-in.ts";
import { parseConfig } from "../../../src/gateway/config/parse-config.ts";
import { toCluster } from "../../../src/gateway/config/to-cluster.ts";
import { createHoldings } from "../../../src/model/holding.ts";
import { attempt, refusal } from "../../trace/documents.ts";

const config = parseConfig(
  `engines: [{ id: a, kind: vllm, url: "http://h:1" }]
discovery:
  file: more.yaml
  dns: [{ name: gpu.local, port: 8000, engine: { kind: vllm, gpu: l4-24g, models: [qwen3-4b] } }]`,
  "fate.yaml",
);
const add = (text: string): ReturnType<typeof parseEngineFile> => parseEngineFile(config, text, "more.yaml");

test("engines of a file follow those of the configuration, with their hosts and models", () => {
  const found = add('engines:\n  - { kind: vllm, url: "http://h2:1", models: [qwen3-8b] }\n');
  expect(found.map(({ id, host }) => [id, host])).toEqual([["vllm", "h2"]]);
  const whole = addEngines(config, [...found, ...found, ...config.engines]);
  expect(whole.engines.map(({ id }) => id)).toEqual(["a", "vllm"]);
  expect(whole.models.map(({ id }) => id)).toEqual(["qwen3-4b", "qwen3-8b"]);
  expect(whole.hosts.map(({ id }) => id)).toEqual(["h", "gpu.local", "h2"]);
  const { cluster, models } = toCluster(whole);
  expect(createHoldings(cluster, models).map((holding) => holding.models.size)).toEqual([0, 1]);
  expect(add("")).toEqual([]);
});

test.each([
  ["engines:\n  - { kind: vllm }", "more.yaml: line 2: engines[0].url: found nothing"],
  ['engines: [{ id: a, kind: vllm, url: "http://h:9" }]', 'more.yaml: line 1: engines[0].id: found "a" again'],
  ['engines: [{ kind: vllm, url: "http://h:1" }]', 'more.yaml: line 1: engines[0].url: found "http://h:1" again'],
  ["queue: {}", "more.yaml: queue: found an unknown key"],
  ["engines: [", "more.yaml: line 1"],
])("%j is refused", (text, message) => {
  expect(refusal(() => add(text))).toContain(message);
});

test("what a name resolves to shares the host that is named after it", () => {
  expect(config.discovery.dns[0]?.engine).toMatchObject({ id: "gpu.local", host: "gpu.local", gpu: "l4-24g" });
});

test("an alias leads to its model, every other name to itself", () => {
  const aliasOf = createAliasOf([{ id: "a", aliases: ["b", "c"] }]);
  expect(["a", "b", "c", "d"].map(aliasOf)).toEqual(["a", "a", "a", "d"]);
});

test("any file of engines is taken or refused", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      attempt(() => add(`engines: ${text}`));
    }),
    { numRuns: 100 },
  );
});
