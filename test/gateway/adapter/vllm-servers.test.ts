/** Several vLLM servers on the same devices: one is awake. */

import { expect, test } from "vitest";
import type { Adapter } from "../../../src/gateway/adapter/adapter.ts";
import { createAdapter } from "../../../src/gateway/adapter/create-adapter.ts";
import { engine, patience, type Script, type ScriptedServer, serveScript, swift } from "./scripted-server.ts";

/** Where they all write what happens to them. */
type Log = string[];

function sleeper(name: string, log: Log, asleep: boolean, running: readonly number[] = [0]): Script {
  const left = [...running];
  let sleeping = asleep;
  let due = 0;
  return {
    "GET /health": "",
    "GET /v1/models": { body: { data: [{ id: `org/${name}` }] } },
    "GET /metrics": () => ({
      body: `vllm:num_requests_running ${left.length > 1 ? left.shift() : left[0]}\nvllm:num_requests_waiting 0\n`,
    }),
    // It answers before it is done, as some versions do.
    "GET /is_sleeping": () => {
      if (due > 0 && --due === 0) sleeping = !sleeping;
      return { body: { is_sleeping: sleeping } };
    },
    "POST /sleep?level=1": () => (log.push(`${name} sleeps`), (due = 3), {}),
    "POST /wake_up": () => (log.push(`${name} wakes`), (due = 2), {}),
  };
}

function adapterOf(a: ScriptedServer, b: ScriptedServer): Adapter {
  const servers = [
    { url: a.url, model: "a" },
    { url: b.url, model: "b" },
  ];
  return createAdapter(engine({ servers }), swift);
}

test("a load puts to sleep who is awake, when it is idle, and then wakes the model's own server", async () => {
  const log: Log = [];
  await using a = await serveScript(sleeper("a", log, false, [2, 1, 0]));
  await using b = await serveScript(sleeper("b", log, true));
  await using adapter = adapterOf(a, b);
  expect(adapter.abilities.loads).toBe(true);
  await adapter.load("b", patience);
  expect(log).toEqual(["a sleeps", "b wakes"]);
  expect(a.asked.filter(({ request }) => request === "GET /metrics")).toHaveLength(3);
  expect(await adapter.look(patience)).toEqual({
    models: ["a", "b"],
    resident: ["b"],
    loading: [],
    running: 0,
    waiting: 0,
  });
  expect(adapter.upstream("b")).toEqual({ origin: b.url, model: "org/b", headers: {} });
  await adapter.load("b", patience);
  expect(log).toHaveLength(2);
  await adapter.unload("b", patience);
  expect((await adapter.look(patience)).resident).toEqual([]);
});

test("a server that never becomes idle is not put to sleep", async () => {
  const log: Log = [];
  await using a = await serveScript(sleeper("a", log, false, [1]));
  await using b = await serveScript(sleeper("b", log, true));
  await using adapter = adapterOf(a, b);
  await expect(adapter.load("b", patience)).rejects.toThrow("found calls that still run after 30000 ms");
  expect(log).toEqual([]);
});

test("a server that has died takes only its own model with it", async () => {
  const log: Log = [];
  const a = await serveScript(sleeper("a", log, false));
  await using b = await serveScript(sleeper("b", log, true));
  await using adapter = adapterOf(a, b);
  await a[Symbol.asyncDispose]();
  expect(await adapter.look(patience)).toMatchObject({ models: ["b"], resident: [] });
  await adapter.load("b", patience);
  expect(log).toEqual(["b wakes"]);
  await expect(adapter.load("a", patience)).rejects.toThrow("GET /is_sleeping: found no connection");
});

test("servers without sleep mode cannot share devices", async () => {
  await using a = await serveScript({ ...sleeper("a", [], false), "GET /is_sleeping": { status: 404 } });
  await using b = await serveScript(sleeper("b", [], true));
  await using adapter = adapterOf(a, b);
  await expect(adapter.look(patience)).rejects.toThrow("VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode");
  await expect(adapter.load("b", patience)).rejects.toThrow("--enable-sleep-mode");
  expect(() => adapter.upstream("c")).toThrow("engine e1: model c: found no server for it, expected one of a, b");
});
