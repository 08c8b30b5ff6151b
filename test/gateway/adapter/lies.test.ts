/** Servers that are broken or lie: a fault that names the engine, the request, what came and what was expected. */

import type { ServerResponse } from "node:http";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { EngineKind } from "../../../src/gateway/config/config.ts";
import { createAdapter } from "../../../src/gateway/adapter/create-adapter.ts";
import { EngineFault } from "../../../src/gateway/adapter/engine-fault.ts";
import { maxAnswerBytes } from "../../../src/gateway/adapter/server.ts";
import { type Asked, engine, fixture, patience, type Script, serveScript, swift } from "./scripted-server.ts";
import { portionOf } from "../../support/portion.ts";

const honest: Readonly<Record<Exclude<EngineKind, "llama">, Script>> = {
  vllm: {
    "GET /health": "",
    "GET /v1/models": fixture("vllm-models.json"),
    "GET /metrics": fixture("vllm-metrics.txt"),
  },
  sglang: {
    "GET /health": "",
    "GET /v1/models": fixture("sglang-models.json"),
    "GET /v1/loads?include=core": fixture("sglang-loads.json"),
    "GET /server_info": fixture("sglang-server-info.json"),
  },
  "llama-cpp": {
    "GET /health": "",
    "GET /models": fixture("llama-cpp-models-single.json"),
    "GET /props": fixture("llama-cpp-props.json"),
    "GET /slots": fixture("llama-cpp-slots.json"),
  },
  ollama: { "GET /api/tags": fixture("ollama-tags.json"), "GET /api/ps": fixture("ollama-ps.json") },
  openai: { "GET /v1/models": fixture("vllm-models.json") },
  emulated: {
    "GET /v1/models": { body: { data: [{ id: "a" }] } },
    "GET /metrics": fixture("vllm-metrics.txt"),
    "GET /fate/residency": { body: { resident: ["a"], loading: [] } },
  },
};
const kinds = Object.keys(honest) as (keyof typeof honest)[];
const jsonPaths = kinds.flatMap((kind) =>
  Object.keys(honest[kind])
    .filter((request) => !/metrics|health/.test(request))
    .map((request) => [kind, request] as const),
);

async function lookAt(kind: EngineKind, script: Script, signal = patience): Promise<unknown> {
  await using server = await serveScript(script);
  await using adapter = createAdapter(engine({ kind, url: server.url, apiKeyEnv: "KEY" }), {
    ...swift,
    env: { KEY: "sk-secret" },
  });
  try {
    return await adapter.look(signal);
  } catch (error) {
    expect(error).toBeInstanceOf(EngineFault);
    return (error as EngineFault).message;
  }
}

test.each(jsonPaths)("%s: HTML, wrong types and failure at %s", async (kind, request) => {
  const html = { body: "<html>\n<body>Welcome to nginx!</body></html>", type: "text/html" };
  expect(await lookAt(kind, { ...honest[kind], [request]: html })).toBe(
    `engine e1: ${request}: found "<html> <body>Welcome to nginx!</body></html>", expected JSON`,
  );
  for (const body of [
    "null",
    "7",
    '"text"',
    '[{"id":7}]',
    '{"data":[{"id":7}],"models":[{"name":{}}],"loads":0,"resident":0,"is_sleeping":0,"enable_memory_saver":0}',
  ])
    expect(await lookAt(kind, { ...honest[kind], [request]: body })).toMatch(
      new RegExp(`^engine e1: ${request.replaceAll("?", "\\?")}: found .+, expected .+`),
    );
  expect(await lookAt(kind, { ...honest[kind], [request]: { status: 500, body: { error: "boom sk-secret" } } })).toBe(
    `engine e1: ${request}: found status 500 ("boom ***"), expected an answer with status 200`,
  );
});

test("a redirect is not followed", async () => {
  const reply = (_: Asked, response: ServerResponse): undefined => {
    response.writeHead(302, { location: "http://127.0.0.1:9/" }).end();
  };
  expect(await lookAt("openai", { "GET /v1/models": reply })).toContain("found status 302");
});

test("metrics that are none are no figures", async () => {
  for (const body of ["<html></html>", "vllm:num_requests_running NaN\nvllm:kv_cache_usage_perc -1\n", "\u0000", ""]) {
    const sight = await lookAt("vllm", { ...honest.vllm, "GET /metrics": { body } });
    expect(Object.keys(sight as object)).toEqual(["models", "resident", "loading"]);
  }
  const wild = "vllm:kv_cache_usage_perc 99\nvllm:num_requests_running 1e300\nvllm:num_requests_waiting 2.6\n";
  const sight = await lookAt("vllm", { ...honest.vllm, "GET /metrics": wild });
  expect(sight).toMatchObject({ kvShare: 1, waiting: 3 });
  expect(sight).not.toHaveProperty("running");
});

test("an answer that is too large is not read on", async () => {
  const flood = (_: Asked, response: ServerResponse): undefined => {
    response.writeHead(200);
    const piece = Buffer.alloc(1024 * 1024, " ");
    const pour = (): void => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once("drain", pour);
    };
    response.on("error", () => {});
    pour();
  };
  expect(await lookAt("openai", { "GET /v1/models": flood })).toBe(
    `engine e1: GET /v1/models: found an answer of more than ${maxAnswerBytes} bytes, expected an answer with status 200`,
  );
});

test("an answer that breaks off", async () => {
  const broken = (_: Asked, response: ServerResponse): undefined => {
    response.writeHead(200, { "content-length": "1000" });
    response.write('{"data":[', () => response.destroy());
  };
  expect(await lookAt("openai", { "GET /v1/models": broken })).toMatch(
    /^engine e1: GET \/v1\/models: found no connection, or a broken one \(\w+\), expected/,
  );
});

test.each(["before the head", "within the body"])("an answer that hangs %s is called off", async (where) => {
  const controller = new AbortController();
  const hang = (_: Asked, response: ServerResponse): undefined => {
    if (where === "within the body") response.writeHead(200).write("{");
    controller.abort();
  };
  expect(await lookAt("openai", { "GET /v1/models": hang }, controller.signal)).toBe(
    "engine e1: GET /v1/models: found no whole answer until it was called off, expected an answer with status 200",
  );
});

test("nobody listens", async () => {
  const server = await serveScript({});
  await server[Symbol.asyncDispose]();
  await using adapter = createAdapter(engine({ url: server.url }), swift);
  await expect(adapter.look(patience)).rejects.toThrow("found no connection, or a broken one (ECONNREFUSED)");
});

test("whatever a server says, a look is a sight or a fault", async () => {
  const key = fc.constantFrom("data", "id", "models", "name", "status", "value", "resident", "loading", "loads", "x");
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 0, -1, 1e300, "a"),
      fc.array(tie("json"), { maxLength: 3 }),
      fc.dictionary(key, tie("json"), { maxKeys: 3 }),
    ),
  }));
  let answer = "";
  const anyAnswer = (): { body: string } => ({ body: answer });
  const requests = new Set(Object.values(honest).flatMap((script) => Object.keys(script)));
  await using server = await serveScript(Object.fromEntries([...requests].map((request) => [request, anyAnswer])));
  const adapters = kinds.map((kind) => createAdapter(engine({ kind, url: server.url }), swift));
  const anyText = fc.oneof(
    json.map((value) => JSON.stringify(value)),
    fc.string(),
  );
  const property = fc.asyncProperty(anyText, fc.constantFrom(...adapters), async (text, adapter) => {
    answer = text;
    const outcome = await adapter.look(patience).catch((error: unknown) => error);
    expect(outcome instanceof EngineFault || !(outcome instanceof Error)).toBe(true);
  });
  await fc.assert(property, { numRuns: portionOf(150) });
  for (const adapter of adapters) await adapter[Symbol.asyncDispose]();
});
