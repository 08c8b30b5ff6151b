/** Two gateways, whole, in one process and over their HTTP ports: who plans, what is shown of it, and how planning is handed over. */

import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { parseConfig } from "../../../src/gateway/config/parse-config.ts";
import { startGateway, type Gateway } from "../../../src/gateway/start-gateway.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { chat, chatPath, send } from "../http/client.ts";
import { engine, entryOf } from "../http/gateway.ts";

const env = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none", FATE_REPLICAS_KEY: "a key that gateways share" };

async function startOne(store: Store, entry: string, more: Readonly<Record<string, string>> = {}): Promise<Gateway> {
  const port = await freePort();
  const text = `listen: { port: ${port} }
engines: [${entry}]
planning: { inPlaceStages: 0, debounceMs: 0 }
replicas: { url: "http://127.0.0.1:${port}", leaseMs: 400 }`;
  return startGateway(parseConfig(text, "test", env), { env: { ...env, ...more }, store, write: () => {} });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Bounded, so that what never comes is a failure and not a hang. */
async function until(holds: () => boolean): Promise<void> {
  for (let looks = 0; looks < 2000 && !holds(); looks++) await setTimeout(2);
  expect(holds()).toBe(true);
}

test("one plans for both, says so, and hands over when it is drained", async () => {
  const store = createMemoryStore({ nowMs: () => performance.now() });
  await using one = await engine({ id: "one" });
  const entry = entryOf(one, "one");
  await using first = await startOne(store, entry);
  await until(() => first.status().replica?.plans === true);
  await using second = await startOne(store, entry);
  await until(() => first.status().replica?.gateways === 1);
  const answers = await Promise.all(
    [first, second, first, second].map(({ url }) => send(url, chatPath, chat("Tell me."))),
  );
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(answers.map(({ headers }) => headers["x-fate-route"])).toEqual(
    Array.from({ length: 4 }, () => expect.stringContaining("one")),
  );
  expect(second.status().replica).toMatchObject({ epoch: 1, plans: false, linked: true });
  expect(second.status().replica?.planner).toBe(first.status().replica?.id);
  const { text: metrics } = await send(first.url, "/metrics");
  expect(metrics).toContain("fate_replica_plans 1\n");
  expect(metrics).toContain("fate_replica_gateways 1\n");
  expect(metrics).toContain("fate_planner_epoch 1\n");
  await first.drain(new AbortController().signal);
  await until(() => second.status().replica?.plans === true);
  expect((await send(second.url, chatPath, chat("Tell me."))).status).toBe(200);
  expect(second.status().replica).toMatchObject({ epoch: 2, changes: 1 });
});

test("a gateway without the key does not start, and one with another key is not planned for", async () => {
  const store = createMemoryStore({ nowMs: () => performance.now() });
  await using one = await engine({ id: "one" });
  const entry = entryOf(one, "one");
  await expect(startOne(store, entry, { FATE_REPLICAS_KEY: "" })).rejects.toThrow(
    "replicas: FATE_REPLICAS_KEY is empty; it must hold the key that all gateways of the group share",
  );
  await using first = await startOne(store, entry);
  await until(() => first.status().replica?.plans === true);
  await using second = await startOne(store, entry, { FATE_REPLICAS_KEY: "another key" });
  await until(() => second.status().replica?.planner === first.status().replica?.id);
  expect(second.status().replica).toMatchObject({ plans: false, linked: false });
  expect(first.status().replica).toMatchObject({ gateways: 0 });
});
