/** llama.cpp as a router: models come and go as processes of their own. */

import { expect, test } from "vitest";
import { createAdapter } from "../../../src/gateway/adapter/create-adapter.ts";
import { engine, patience, type Script, serveScript, swift } from "./scripted-server.ts";

type Status = { value: string; failed?: boolean; exit_code?: number };

/** Each listing moves a model that is under way one step on. */
function router(statuses: Record<string, Status>, outcome: Status = { value: "loaded" }): Script {
  const due = new Map<string, Status>();
  const begin = (during: string, after: Status) => (asked: { body: string }) => {
    const { model } = JSON.parse(asked.body) as { model: string };
    statuses[model] = { value: during };
    due.set(model, after);
    return { body: { success: true } };
  };
  return {
    "GET /health": { body: { status: "ok" } },
    "GET /models": () => {
      const data = Object.entries(statuses).map(([id, status]) => ({
        id,
        object: "model",
        status: { ...status, args: [] },
      }));
      for (const [model, status] of due) statuses[model] = status;
      due.clear();
      return { body: { object: "list", data } };
    },
    "POST /models/load": begin("loading", outcome),
    "POST /models/unload": begin("loaded", { value: "unloaded" }),
  };
}

test("models by their status, figures of those that are loaded", async () => {
  await using server = await serveScript({
    ...router({
      "org/a:Q4": { value: "loaded" },
      b: { value: "loading" },
      c: { value: "sleeping" },
      d: { value: "downloading" },
      e: { value: "unloaded" },
    }),
    "GET /metrics?model=org%2Fa%3AQ4&autoload=false": "llamacpp:requests_processing 1\nllamacpp:requests_deferred 4\n",
  });
  await using adapter = createAdapter(engine({ kind: "llama-cpp", url: server.url }), swift);
  expect(await adapter.look(patience)).toEqual({
    models: ["org/a:Q4", "b", "c", "e"],
    resident: ["org/a:Q4"],
    loading: ["b"],
    running: 1,
    waiting: 4,
  });
  expect(adapter.abilities.loads).toBe(true);
});

test("a load ends when the model is loaded, an unload when it is gone", async () => {
  await using server = await serveScript(router({ a: { value: "unloaded" }, s: { value: "sleeping" } }));
  await using adapter = createAdapter(engine({ kind: "llama-cpp", url: server.url }), swift);
  await expect(adapter.load("a", patience)).rejects.toThrow("cannot load on demand");
  await adapter.look(patience);
  await adapter.load("a", patience);
  await adapter.load("a", patience);
  await adapter.unload("a", patience);
  await adapter.unload("a", patience);
  await adapter.load("s", patience);
  expect(server.changes()).toEqual([
    'POST /models/load {"model":"a"}',
    'POST /models/unload {"model":"a"}',
    'POST /models/unload {"model":"s"}',
    'POST /models/load {"model":"s"}',
  ]);
  await expect(adapter.load("zz", patience)).rejects.toThrow('found no model "zz", expected it among the models');
});

test("a load that fails says how, whatever became of an earlier one", async () => {
  const failed = { value: "unloaded", failed: true, exit_code: 1 };
  await using server = await serveScript(router({ a: failed }, failed));
  await using adapter = createAdapter(engine({ kind: "llama-cpp", url: server.url }), swift);
  await adapter.look(patience);
  await expect(adapter.load("a", patience)).rejects.toThrow(
    "engine e1: POST /models/load: found a ended with exit code 1, expected a loaded",
  );
  await using mended = await serveScript(router({ a: failed }));
  await using other = createAdapter(engine({ kind: "llama-cpp", url: mended.url }), swift);
  await other.look(patience);
  await other.load("a", patience);
});

test("a load can be called off", async () => {
  await using server = await serveScript(router({ a: { value: "unloaded" } }, { value: "loading" }));
  const controller = new AbortController();
  const pause = (): Promise<void> => {
    controller.abort();
    return Promise.resolve();
  };
  await using adapter = createAdapter(engine({ kind: "llama-cpp", url: server.url }), { env: {}, pause });
  await adapter.look(patience);
  await expect(adapter.load("a", controller.signal)).rejects.toThrow("no whole answer until it was called off");
});
