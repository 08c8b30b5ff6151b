import { expect, test } from "vitest";
import { createMemoryStore } from "../../../src/store/memory.ts";
import type { Store } from "../../../src/store/store.ts";
import { createNeighbours } from "../../../src/gateway/declared/neighbours.ts";
import { createOwnership, type LeasedOwnership } from "../../../src/gateway/declared/ownership.ts";
import type { WorkflowDefinition } from "../../../src/gateway/declared/wire.ts";
import { createHandTime, settle, type HandTime } from "./hand-time.ts";
import { serve, type Served } from "./serve.ts";
import { world, type Reply, type World } from "./support.ts";

const definition: WorkflowDefinition = {
  name: "two",
  stages: [
    { id: "a", kind: "llm", model: "tiny", prompt: "a" },
    { id: "b", kind: "llm", model: "big", prompt: "{{ stages.a.text }}" },
  ],
};
const leaseMs = 2000;
const forever = (): Promise<string> => new Promise(() => {});

type Gateway = AsyncDisposable & { readonly served: Served; readonly made: World; readonly ownership: LeasedOwnership };
type Group = { readonly time: HandTime; readonly store: Store };

function group(): Group {
  const time = createHandTime();
  return { time, store: createMemoryStore({ nowMs: () => time.nowUs() / 1000 }) };
}

/** `address`: where its neighbours look for it, where that is not where it listens. */
async function open(
  { time, store }: Group,
  owner: string,
  reply: (prompted: { readonly text: string }) => Reply,
  { address, key = "shared" }: { readonly address?: string; readonly key?: string } = {},
): Promise<Gateway> {
  const made = world(reply);
  let url = address ?? "";
  const lease = createOwnership({ store, time, owner, leaseMs, address: () => url });
  const neighbours = createNeighbours({ store, owner, key });
  let ids = 0;
  const served = await serve({
    ...made.options,
    store,
    time,
    nowMs: time.epochMs,
    ownership: lease,
    neighbours,
    createId: () => `${owner}-${++ids}`,
  });
  url = address ?? served.url;
  await lease.start();
  return {
    served,
    made,
    ownership: lease,
    [Symbol.asyncDispose]: async () => {
      await served[Symbol.asyncDispose]();
      await lease[Symbol.asyncDispose]();
      await neighbours[Symbol.asyncDispose]();
    },
  };
}

type Got = { readonly status: number; readonly headers: Headers; readonly text: string };

async function ask({ served }: Gateway, method: string, path: string, init: RequestInit = {}): Promise<Got> {
  const response = await fetch(`${served.url}/v1/workflows${path}`, { method, ...init });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const submit = (gateway: Gateway, key?: string): Promise<Got> =>
  ask(gateway, "POST", "", {
    body: JSON.stringify(definition),
    headers: key === undefined ? {} : { "idempotency-key": key },
  });

type Seen = { readonly id: number; readonly kind: string; readonly run?: { readonly stages: { status: string }[] } };

async function events(gateway: Gateway, id: string, lastId?: number): Promise<Seen[]> {
  const headers = lastId === undefined ? {} : { "last-event-id": `${lastId}` };
  const { text } = await ask(gateway, "GET", `/${id}/events`, { headers });
  return text
    .split("\n\n")
    .filter((block) => block.startsWith("id:"))
    .map((block) => JSON.parse(block.split("\ndata: ")[1] ?? "") as Seen);
}

const shown = (seen: readonly Seen[]): string[] => seen.map(({ id, kind }) => `${id} ${kind}`);

test("a client goes on at the next gateway: it is shown how the run stands, then what follows", async () => {
  const all = group();
  const first = await open(all, "a", ({ text }) => (text === "a" ? "x" : forever()));
  expect((await submit(first)).status).toBe(201);
  await settle();
  // Lost: it renews its lease no more, and never speaks again.
  await all.time.pass(0);
  await first.served[Symbol.asyncDispose]();
  await all.store.releaseLease("owner/a", "a", 1);

  const answer = Promise.withResolvers<string>();
  await using second = await open(all, "b", ({ text }) => (text === "x" ? answer.promise : forever()));
  await second.served.declared.recover();
  const following = events(second, "a-1", 5);
  await new Promise((resolve) => setImmediate(resolve));
  answer.resolve("y");
  const seen = await following;
  expect(shown(seen).at(-1)).toMatch(/^10{8}\d workflow-end$/);
  const [snapshot] = seen;
  expect(snapshot?.kind).toBe("workflow-snapshot");
  expect(snapshot?.run?.stages.map(({ status }) => status)[0]).toBe("ended");
  expect(second.made.caller.calls.map(({ text }) => text)).toEqual(["x"]);
  const ids = seen.map(({ id }) => id);
  expect(ids).toEqual(ids.toSorted((left, right) => left - right));
  // A stage that was under way is started again, and that shows.
  const { text } = await ask(second, "GET", "/a-1");
  expect(JSON.parse(text)).toMatchObject({
    status: "succeeded",
    name: "two",
    outputs: { b: "y" },
    stages: [{ retried: 0 }, { retried: 1 }],
  });
  // Who has seen part of what followed gets the rest.
  const last = ids.at(-1) ?? 0;
  expect(shown(await events(second, "a-1", last - 1))).toEqual([`${last} workflow-end`]);
});

test("of a run that ended before this process began its end is told, once", async () => {
  const all = group();
  const first = await open(all, "a", ({ text }) => `<${text}>`);
  await submit(first, "k");
  await settle();
  const told = await events(first, "a-1");
  const direct = await ask(first, "GET", "/a-1");
  await first[Symbol.asyncDispose]();
  await using second = await open(all, "b", forever);
  const seen = await events(second, "a-1", told[2]?.id);
  expect(shown(seen)).toEqual(["999999998 workflow-snapshot", "999999999 workflow-end"]);
  expect(await events(second, "a-1", seen.at(-1)?.id)).toEqual([]);
  expect((await ask(second, "GET", "/a-1")).text).toBe(direct.text);
  expect(JSON.parse((await ask(second, "GET", "")).text)).toMatchObject({ data: [{ id: "a-1", status: "succeeded" }] });
  // Its key holds too.
  const again = await submit(second, "k");
  expect([again.status, (JSON.parse(again.text) as { id: string }).id]).toEqual([200, "a-1"]);
});

test("a request about a run of another gateway is passed on to it, and its answer back", async () => {
  const all = group();
  await using first = await open(all, "a", forever);
  await using second = await open(all, "b", forever);
  await submit(first);
  const following = events(second, "a-1");
  const cancelled = await ask(second, "DELETE", "/a-1");
  expect([cancelled.status, JSON.parse(cancelled.text)]).toMatchObject([200, { status: "cancelled" }]);
  expect(shown(await following).at(-1)).toMatch(/workflow-end$/);
  // Not by another tenant.
  await submit(first);
  const other = await ask(second, "DELETE", "/a-2", { headers: { authorization: "Bearer u" } });
  expect(other.status).toBe(404);
});

test("one key is one run, whichever gateway is asked", async () => {
  const all = group();
  await using first = await open(all, "a", forever);
  await using second = await open(all, "b", forever);
  const both = await Promise.all([submit(first, "k"), submit(second, "k")]);
  expect(both.map(({ status }) => status).toSorted((left, right) => left - right)).toEqual([200, 201]);
  expect(new Set(both.map(({ text }) => (JSON.parse(text) as { id: string }).id)).size).toBe(1);
  expect(first.made.driver.told.length + second.made.driver.told.length).toBeGreaterThan(0);
  expect([first, second].filter(({ made }) => made.driver.told.length > 0)).toHaveLength(1);
});

test.each([
  ["whose carrier is gone", {}, async ({ store }: Group) => store.releaseLease("owner/a", "a", 1)],
  ["whose carrier cannot be reached", { address: "http://127.0.0.1:1" }, async () => {}],
  ["whose carrier's address is nonsense", { address: "nonsense" }, async () => {}],
])("a run %s is to be asked for again", async (_, how, lose) => {
  const all = group();
  await using first = await open(all, "a", forever, how);
  await using second = await open(all, "b", forever);
  await submit(first);
  await lose(all);
  const { status, headers, text } = await ask(second, "GET", "/a-1/events");
  expect([status, headers.get("retry-after")]).toEqual([503, "1"]);
  expect(JSON.parse(text)).toMatchObject({ error: { code: "workflow_between_gateways" } });
});

test("what is passed on is not passed on again, nor taken from strangers", async () => {
  const all = group();
  await using first = await open(all, "a", forever);
  await using second = await open(all, "b", forever);
  await submit(first);
  const passed = { "x-fate-passed-by": "c", "x-fate-replica-key": "shared" };
  expect((await ask(second, "GET", "/a-1/events", { headers: passed })).status).toBe(503);
  const strange = { ...passed, "x-fate-replica-key": "guess" };
  expect((await ask(second, "DELETE", "/a-1", { headers: strange })).status).toBe(403);
  expect((await ask(first, "GET", "/a-1", { headers: { "x-fate-passed-by": "c" } })).status).toBe(403);
});

test("gateways that do not share a key do not carry requests for one another", async () => {
  const all = group();
  await using first = await open(all, "a", forever);
  await using second = await open(all, "b", forever, { key: "other" });
  await submit(first);
  expect((await ask(second, "DELETE", "/a-1")).status).toBe(403);
  expect(first.made.driver.told.at(-1)).not.toBe("cancel");
});

test("a store that is away is a 503 with what to do", async () => {
  const all = group();
  const gone = { ...all.store };
  await using gateway = await open({ ...all, store: gone }, "a", forever);
  await all.store[Symbol.asyncDispose]();
  for (const [method, path] of [
    ["POST", ""],
    ["GET", ""],
    ["GET", "/a-1"],
  ] as const) {
    const asked = method === "POST" ? await submit(gateway) : await ask(gateway, method, path);
    expect([asked.status, asked.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(JSON.parse(asked.text)).toMatchObject({ error: { code: "store_unavailable" } });
  }
});
