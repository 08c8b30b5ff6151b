/** What each make of server says, as it says it, and what is made of it. */

import { expect, test } from "vitest";
import { createAdapter } from "../../../src/gateway/adapter/create-adapter.ts";
import type { Sight } from "../../../src/gateway/adapter/adapter.ts";
import { readOllamaTimings } from "../../../src/gateway/adapter/ollama.ts";
import type { EngineConfig } from "../../../src/gateway/config/config.ts";
import { engine, fixture, patience, type Script, serveScript, swift } from "./scripted-server.ts";

const vllm: Script = {
  "GET /health": "",
  "GET /v1/models": fixture("vllm-models.json"),
  "GET /metrics": fixture("vllm-metrics.txt"),
};

test("vLLM with two engine cores", async () => {
  await using server = await serveScript(vllm);
  await using adapter = createAdapter(engine({ url: server.url, sendsPriority: true, handOff: "nixl" }), swift);
  expect(await adapter.look(patience)).toEqual({
    models: ["Qwen/Qwen3-8B"],
    resident: ["Qwen/Qwen3-8B"],
    loading: [],
    running: 5,
    waiting: 1,
    kvShare: 0.375,
    kvCapacityTokens: 200_000,
    prefixQueries: 20_000,
    prefixHits: 10_000,
  });
  expect(adapter.abilities).toEqual({ loads: false, metrics: true, priorities: true, handOff: "nixl" });
  await adapter.look(patience);
  expect(server.asked.filter(({ request }) => request === "GET /is_sleeping")).toHaveLength(1);
  await expect(adapter.unload("Qwen/Qwen3-8B", patience)).rejects.toThrow("cannot unload on demand");
});

test("vLLM by its older names, which says nothing of its capacity", async () => {
  await using server = await serveScript({ ...vllm, "GET /metrics": fixture("vllm-metrics-old.txt") });
  await using adapter = createAdapter(engine({ url: server.url }), swift);
  const { models: _, resident: __, loading: ___, ...figures } = await adapter.look(patience);
  expect(figures).toEqual({ running: 0, waiting: 0, kvShare: 0.125 });
});

test("vLLM that sleeps and wakes", async () => {
  let asleep = true;
  await using server = await serveScript({
    ...vllm,
    "GET /metrics": "vllm:num_requests_running 0\n",
    "GET /is_sleeping": () => ({ body: { is_sleeping: asleep } }),
    "POST /wake_up": () => ((asleep = false), {}),
    "POST /sleep?level=1": () => ((asleep = true), {}),
  });
  await using adapter = createAdapter(
    engine({ url: server.url, models: [{ id: "qwen", as: "Qwen/Qwen3-8B" }] }),
    swift,
  );
  expect(adapter.abilities.loads).toBe(false);
  expect(await adapter.look(patience)).toMatchObject({ models: ["qwen"], resident: [] });
  expect(adapter.abilities.loads).toBe(true);
  await adapter.load("qwen", patience);
  expect(await adapter.look(patience)).toMatchObject({ resident: ["qwen"] });
  await adapter.load("qwen", patience);
  await adapter.unload("qwen", patience);
  expect(server.changes()).toEqual(["POST /wake_up", "POST /sleep?level=1"]);
});

test("SGLang: of equal ranks one counts, of different ranks all", async () => {
  await using server = await serveScript({
    "GET /health": "",
    "GET /v1/models": fixture("sglang-models.json"),
    "GET /metrics": fixture("sglang-metrics.txt"),
  });
  await using adapter = createAdapter(engine({ kind: "sglang", url: server.url }), swift);
  expect(await adapter.look(patience)).toEqual({
    models: ["meta-llama/Llama-3.1-8B-Instruct"],
    resident: ["meta-llama/Llama-3.1-8B-Instruct"],
    loading: [],
    running: 8,
    waiting: 3,
    kvShare: 0.5,
    kvCapacityTokens: 120_000,
    prefixQueries: 10_000,
    prefixHits: 2500,
  });
  expect(adapter.abilities).toEqual({ loads: false, metrics: true, priorities: false });
});

test.each([
  [
    "/v1/loads?include=core",
    "sglang-loads.json",
    { running: 10, waiting: 1, kvShare: 0.375, kvCapacityTokens: 120_000 },
  ],
  ["/get_load", "sglang-get-load.json", { running: 5, waiting: 2 }],
])("SGLang without metrics, by %s", async (path, file, figures) => {
  await using server = await serveScript({
    "GET /health": "",
    "GET /v1/models": fixture("sglang-models.json"),
    [`GET ${path}`]: fixture(file),
  });
  await using adapter = createAdapter(engine({ kind: "sglang", url: server.url }), swift);
  const { models: _, resident: __, loading: ___, ...found } = await adapter.look(patience);
  expect(found).toEqual(figures);
});

test("SGLang releases its memory only where it keeps the weights", async () => {
  let away = false;
  const sglang: Script = {
    "GET /health": (_, response) => (away ? void response.destroy() : {}),
    "GET /v1/models": fixture("sglang-models.json"),
    "GET /get_server_info": fixture("sglang-server-info.json"),
    "POST /release_memory_occupation": "null",
    "POST /resume_memory_occupation": "null",
  };
  await using server = await serveScript(sglang);
  await using adapter = createAdapter(engine({ kind: "sglang", url: server.url }), swift);
  await adapter.look(patience);
  expect(adapter.abilities).toMatchObject({ loads: true, metrics: false });
  await adapter.unload("m", patience);
  expect((await adapter.look(patience)).resident).toEqual([]);
  await adapter.load("m", patience);
  expect((await adapter.look(patience)).resident).toHaveLength(1);
  expect(server.changes()).toEqual(["POST /release_memory_occupation {}", "POST /resume_memory_occupation {}"]);

  await adapter.unload("m", patience);
  away = true;
  await expect(adapter.look(patience)).rejects.toThrow("a broken one");
  away = false;
  expect((await adapter.look(patience)).resident).toHaveLength(1);

  const empty = fixture("sglang-server-info.json").replace(/("enable_weights_cpu_backup":\s*)true/, "$1false");
  await using forgetful = await serveScript({ ...sglang, "GET /get_server_info": empty });
  await using other = createAdapter(engine({ kind: "sglang", url: forgetful.url }), swift);
  await other.look(patience);
  expect(other.abilities.loads).toBe(false);
  await expect(other.unload("m", patience)).rejects.toThrow("cannot unload on demand");
});

test.each([
  ["/metrics", "llama-cpp-metrics.txt", { running: 2, waiting: 1 }],
  ["/slots", "llama-cpp-slots.json", { running: 2 }],
])("llama.cpp with one model, by %s", async (path, file, figures) => {
  await using server = await serveScript({
    "GET /health": { body: { status: "ok" } },
    "GET /models": fixture("llama-cpp-models-single.json"),
    "GET /props": fixture("llama-cpp-props.json"),
    "GET /metrics": {
      status: 501,
      body: { error: { code: 501, message: "This server does not support metrics endpoint." } },
    },
    [`GET ${path}`]: fixture(file),
  });
  await using adapter = createAdapter(engine({ kind: "llama-cpp", url: server.url }), swift);
  const residents = { models: ["gemma-3-4b-it"], resident: ["gemma-3-4b-it"], loading: [] };
  expect(await adapter.look(patience)).toEqual({ ...residents, ...figures });
  expect(adapter.abilities.loads).toBe(false);
});

test("llama.cpp that still loads is not there yet, and says why", async () => {
  const loading = { error: { code: 503, message: "Loading model", type: "unavailable_error" } };
  await using server = await serveScript({ "GET /health": { status: 503, body: loading } });
  await using adapter = createAdapter(engine({ kind: "llama-cpp", url: server.url }), swift);
  await expect(adapter.look(patience)).rejects.toThrow(
    'engine e1: GET /health: found status 503 ("Loading model"), expected an answer with status 200',
  );
});

test("Ollama: models by any spelling of their names, timings of the load", async () => {
  await using server = await serveScript({
    "GET /api/tags": fixture("ollama-tags.json"),
    "GET /api/ps": fixture("ollama-ps.json"),
    "POST /api/generate": ({ body }) =>
      body.includes("nomic")
        ? { status: 400, body: { error: '"nomic-embed-text" does not support generate' } }
        : { body: fixture("ollama-load.json") },
    "POST /api/embed": { body: { model: "nomic-embed-text", embeddings: [[]], load_duration: 5000 } },
  });
  const models = [
    { id: "qwen", as: "qwen3:8b" },
    { id: "embedder", as: "nomic-embed-text" },
  ];
  await using adapter = createAdapter(engine({ kind: "ollama", url: server.url, models }), swift);
  expect(await adapter.look(patience)).toEqual({ models: ["qwen", "embedder"], resident: ["qwen"] });
  await adapter.load("qwen", patience);
  expect(adapter).toHaveProperty("lastLoad");
  expect((adapter as typeof adapter & { lastLoad: () => unknown }).lastLoad()).toEqual({
    model: "qwen",
    loadUs: 2_100_000,
  });
  await adapter.load("embedder", patience);
  await adapter.unload("qwen", patience);
  expect(server.changes()).toEqual([
    'POST /api/generate {"model":"qwen3:8b","keep_alive":-1,"stream":false}',
    'POST /api/generate {"model":"nomic-embed-text","keep_alive":-1,"stream":false}',
    'POST /api/embed {"model":"nomic-embed-text","keep_alive":-1,"input":""}',
    'POST /api/generate {"model":"qwen3:8b","keep_alive":0,"stream":false}',
  ]);
});

test("timings of any native answer of Ollama", () => {
  const answer = {
    load_duration: 1499,
    prompt_eval_count: 26,
    prompt_eval_duration: 3e6,
    eval_count: 290,
    eval_duration: 5e9,
  };
  const timings = { loadUs: 1, promptTokens: 26, prefillUs: 3000, outputTokens: 290, decodeUs: 5_000_000 };
  expect(readOllamaTimings(answer)).toEqual(timings);
  expect(readOllamaTimings({})).toEqual({});
  expect([null, [], { eval_count: -1 }].map(readOllamaTimings)).toEqual([undefined, undefined, undefined]);
});

test("any OpenAI-compatible server, with a key that goes only there", async () => {
  await using server = await serveScript({ "GET /v1/models": fixture("vllm-models.json") });
  await using adapter = createAdapter(engine({ kind: "openai", url: `${server.url}/ignored`, apiKeyEnv: "KEY" }), {
    ...swift,
    env: { KEY: "sk-42\n" },
    aliasOf: (name) => name.toLowerCase(),
  });
  expect(await adapter.look(patience)).toEqual({ models: ["qwen/qwen3-8b"], resident: ["qwen/qwen3-8b"] });
  expect(server.asked[0]?.headers.authorization).toBe("Bearer sk-42");
  expect(adapter.upstream("qwen/qwen3-8b")).toEqual({
    origin: server.url,
    model: "Qwen/Qwen3-8B",
    headers: { authorization: "Bearer sk-42" },
  });
  await expect(adapter.load("m", patience)).rejects.toThrow("cannot load on demand");
});

test.each(["emulated", "llama"] as const)("the engine that comes with Fate, as %s", async (kind) => {
  await using server = await serveScript({
    "GET /v1/models": { body: { data: [{ id: "a" }, { id: "b" }] } },
    "GET /metrics": "vllm:num_requests_running 1\nvllm:num_requests_waiting 0\n",
    "GET /fate/residency": { body: { resident: ["a"], loading: ["b"] } },
    "POST /fate/load": "",
    "POST /fate/unload": "",
  });
  await using adapter = createAdapter(engine({ kind, url: server.url }), swift);
  expect(await adapter.look(patience)).toEqual({
    models: ["a", "b"],
    resident: ["a"],
    loading: ["b"],
    running: 1,
    waiting: 0,
  });
  await adapter.load("b", patience);
  await adapter.unload("a", patience);
  expect(server.changes()).toEqual(['POST /fate/load {"model":"b"}', 'POST /fate/unload {"model":"a"}']);
});

test("a description that misses something is refused at once", () => {
  expect(() => createAdapter(engine({}), swift)).toThrow("engine e1: start: found no url, expected");
  const keyed = engine({ url: "http://127.0.0.1:1", apiKeyEnv: "KEY" });
  expect(() => createAdapter(keyed, swift)).toThrow("engine e1: apiKeyEnv: found KEY not set, expected");
  expect(() => createAdapter(keyed, { ...swift, env: { KEY: "s3 cr\u00e9t" } })).toThrow(/^(?!.*s3).*odd characters/);
});

test("an OpenAI-compatible server holds what the file names, listed or not, unless it is said to hold fewer", async () => {
  await using server = await serveScript({ "GET /v1/models": fixture("vllm-models.json") });
  const models = [
    { id: "qwen", as: "Qwen/Qwen3-8B" },
    { id: "hidden", as: "hidden" },
  ];
  const lookAt = async (change: Partial<EngineConfig>): Promise<Sight> => {
    await using adapter = createAdapter(engine({ kind: "openai", url: server.url, models, ...change }), swift);
    return await adapter.look(patience);
  };
  expect(await lookAt({ maxResident: 2 })).toEqual({ models: ["qwen"], resident: ["qwen", "hidden"] });
  expect(await lookAt({ maxResident: 1 })).toEqual({ models: ["qwen"] });
});
