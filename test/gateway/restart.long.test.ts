/** A gateway that is killed, and the next one over the same store or files: what it knows from its first call on. */

import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/gateway/config/parse-config.ts";
import { startGateway, type Gateway } from "../../src/gateway/start-gateway.ts";
import { parseJournal } from "../../src/journal/parse.ts";
import type { EventKind, JournalEvent } from "../../src/model/event.ts";
import type { EventOf } from "../../src/check/law.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { openStore } from "../../src/store/open-store.ts";
import { StoreFault, type JournalVerbs, type Store } from "../../src/store/store.ts";
import { chat, chatPath, send, type Reply } from "./http/client.ts";
import { engine, entryOf, model } from "./http/gateway.ts";

const calm = "health: { everyMs: 60000, failures: 1000 }";
const novel = "It was a dark and stormy night. ".repeat(400);

/** Where the journal goes, and how the next gateway finds it as a killed one has left it. */
type Keeping = Disposable & {
  readonly settings: string;
  readonly store?: Store;
  /** Ends the gateway, of which nothing that happens from now on is kept. */
  readonly kill: (gateway: Gateway) => Promise<void>;
  /** All that is kept, segment by segment. */
  readonly segments: () => Promise<readonly string[]>;
};

function inStore(): Keeping & { readonly all: Store } {
  const all = createMemoryStore({ nowMs: () => 0 });
  let dead = false;
  const orDead = <Verb extends (...given: never[]) => Promise<unknown>>(verb: Verb): Verb =>
    ((...given) => (dead ? Promise.reject(new StoreFault("broken", "killed")) : verb(...given))) as Verb;
  return {
    all,
    settings: "",
    store: { ...all, beginSegment: orDead(all.beginSegment), appendJournal: orDead(all.appendJournal) },
    segments: () => segmentsOf(all),
    kill: async (gateway) => {
      dead = true;
      await gateway[Symbol.asyncDispose]();
      dead = false;
    },
    [Symbol.dispose]: () => {},
  };
}

async function segmentsOf({ listSegments, readBlock }: JournalVerbs): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const { segment, blocks } of await listSegments()) {
    let text = "";
    for (let index = 0; index < blocks; index++) text += await readBlock(segment, index);
    texts.push(text);
  }
  return texts;
}

function inSqlite(): Keeping {
  const folder = mkdtempSync(join(tmpdir(), "fate-restart-"));
  const live = join(folder, "live");
  const path = join(live, "store.db");
  const killed = join(folder, "killed");
  mkdirSync(live);
  return {
    settings: `store: { path: ${JSON.stringify(path)} }`,
    segments: async () => {
      const about = { kind: "sqlite", path, urlEnv: "NONE" } as const;
      await using store = await openStore(about, { env: {}, nowMs: () => 0, readOnly: true });
      return await segmentsOf(store);
    },
    kill: async (gateway) => {
      cpSync(live, killed, { recursive: true });
      await gateway[Symbol.asyncDispose]();
      rmSync(live, { recursive: true });
      renameSync(killed, live);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function inFiles(): Keeping {
  const folder = mkdtempSync(join(tmpdir(), "fate-restart-"));
  const live = join(folder, "live");
  const path = join(live, "journal.ndjson");
  const killed = join(folder, "killed");
  return {
    settings: `store: { kind: memory }\njournal: { path: ${JSON.stringify(path)} }`,
    segments: () => Promise.resolve([readFileSync(path, "utf8")]),
    kill: async (gateway) => {
      cpSync(live, killed, { recursive: true });
      await gateway[Symbol.asyncDispose]();
      rmSync(live, { recursive: true });
      renameSync(killed, live);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Resolves once all that has happened is kept. */
function written({ segments }: Keeping, { driver }: Gateway): Promise<void> {
  return until(async () => {
    const line = (await segments()).at(-1)?.trimEnd().split("\n").at(-1);
    return (JSON.parse(line || "{}") as { readonly sequence?: number }).sequence === driver.world.sequence - 1;
  });
}

/** Bounded, so that what never comes is a failure and not a hang. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    if (await holds()) return;
    await setTimeout(Math.min(10 * turn, 100));
  }
  expect.fail("it never came");
}

type Start = {
  readonly keeping: Keeping;
  readonly engines: readonly string[];
  readonly more?: string;
  readonly log?: string[];
};

function start({ keeping, engines, more = "", log = [] }: Start): Promise<Gateway> {
  const entries = engines.map((entry) => `  - ${entry}`).join("\n");
  const text = `engines:\n${entries}\nlisten: { port: 0 }\nplanning: { inPlaceStages: 0, debounceMs: 0 }\n${calm}\n${keeping.settings}\n${more}`;
  const { store } = keeping;
  return startGateway(parseConfig(text, "test", {}), {
    env: {},
    write: (line) => void log.push(line),
    ...(store === undefined ? {} : { store }),
  });
}

const ask = (gateway: Gateway, content: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> =>
  send(gateway.url, chatPath, chat(content, { max_tokens: 8 }), headers);

const cachedIn = ({ headers }: Reply): number => Number(/cached (\d+)/.exec(String(headers["x-fate-route"]))?.[1]);

function of<Kind extends EventKind>(events: readonly JournalEvent[], kind: Kind): EventOf<Kind>[] {
  return events.filter((event): event is EventOf<Kind> => event.kind === kind);
}

/**
 * Streamed calls that taught it something, and one more on an idle gateway, whose expected terms and cached tokens the next one must
 * match. From that one, of one token in one piece, nothing is learnt: or else the next gateway would expect what it has taught.
 */
async function teach(gateway: Gateway): Promise<Reply> {
  for (const content of [...Array.from({ length: 6 }, (_, call) => `${novel} ${call}`), novel])
    await send(gateway.url, chatPath, chat(content, { max_tokens: 8, stream: true }));
  return ask(gateway, novel, { "x-emulate-output-tokens": "1" });
}

const keepings = [
  ["in a store", inStore],
  ["in files", inFiles],
] as const;

test.each([...keepings, ["in SQLite", inSqlite] as const])(
  "the first expectations after a restart are the last before, with the journal %s",
  async (_where, open) => {
    using keeping = open();
    await using one = await engine();
    const engines = [entryOf(one, "one")];
    const first = await start({ keeping, engines });
    const last = await teach(first);
    expect(cachedIn(last)).toBeGreaterThan(1000);
    const known = first.status().engines[0];
    expect(known?.learned[model]?.decode).not.toBe(1);
    await written(keeping, first);
    await keeping.kill(first);
    const before = parseJournal((await keeping.segments()).at(-1) ?? "").events;
    expect(of(before, "decode-end").at(-1)?.outputTokens).toBe(1);
    await using second = await start({ keeping, engines });
    expect(second.status().engines[0]).toMatchObject({
      resident: [model],
      prefixTokens: known?.prefixTokens,
      learned: known?.learned,
    });
    const next = await ask(second, novel);
    expect(cachedIn(next)).toBe(cachedIn(last));
    await written(keeping, second);
    const after = parseJournal((await keeping.segments()).at(-1) ?? "").events;
    expect(of(after, "stage-place")[0]?.shares).toEqual(of(before, "stage-place").at(-1)?.shares);
    expect(of(after, "prefill-start")[0]?.cachedTokens).toBe(of(before, "prefill-start").at(-1)?.cachedTokens);
  },
);

/** What these policies remember when 16 workflows of two calls each have ended: it is written down with every sixteenth. */
const remembering: readonly (readonly [string, string, object])[] = [
  [
    "hexagent+history",
    "foresight",
    { history: { classes: { chat: [{ count: expect.any(Number) }, { count: expect.any(Number) }] }, open: [] } },
  ],
  [
    "foresight",
    "hexagent+history",
    { revealed: { history: { classes: { chat: 16 }, after: { chat: { total: 16 } }, open: {} } } },
  ],
];

describe.each(keepings)("with its journal %s", (_where, open) => {
  test.each(remembering)(
    "what %s learnt of classes is there, from one restart to the next",
    async (policy, another, memory) => {
      using keeping = open();
      await using one = await engine();
      const engines = [entryOf(one, "one")];
      const more = `policy: ${policy}`;
      const first = await start({ keeping, engines, more });
      for (let flow = 0; flow < 20; flow++) {
        const headers = { "x-workflow-id": `f${flow}`, "x-workflow-class": "chat" };
        await ask(first, `${novel}${flow}`, headers);
        await ask(first, `${novel}${flow} and on`, { ...headers, "x-workflow-final": "true" });
      }
      await written(keeping, first);
      await keeping.kill(first);
      const remembered = async (): Promise<string | undefined> =>
        of(parseJournal((await keeping.segments()).at(-1) ?? "").events, "policy-remember").at(-1)?.memory;
      const learnt = await remembered();
      expect(JSON.parse(learnt ?? "{}")).toMatchObject(memory);
      for (let restart = 0; restart < 2; restart++) {
        const next = await start({ keeping, engines, more });
        await written(keeping, next);
        await keeping.kill(next);
        expect(await remembered()).toBe(learnt);
      }
      // Another policy has no use for it.
      const other = await start({ keeping, engines, more: `policy: ${another}` });
      await written(keeping, other);
      await keeping.kill(other);
      expect(await remembered()).toBeUndefined();
    },
  );

  test("what a server does not say it holds is taken to be what it held", async () => {
    using keeping = open();
    await using one = await engine({ surface: "vllm" });
    // It serves more than it holds, and only it knows which it holds.
    const models = `[${model}, llama-3.2-3b]`;
    const engines = [`{ id: one, kind: openai, url: "${one.url}", gpu: l4-24g, models: ${models}, maxResident: 1 }`];
    const first = await start({ keeping, engines });
    expect(first.status().engines[0]?.resident).toEqual([]);
    await ask(first, "hello");
    await written(keeping, first);
    await keeping.kill(first);
    await using second = await start({ keeping, engines });
    expect(second.status().engines[0]?.resident).toEqual([model]);
  });
});

describe("what was cached is not taken to be there still", () => {
  test.each<readonly [string, Rest]>([
    ["on an engine that has been started since", { anew: true }],
    ["on an engine that says itself what it caches", { more: ', kvEvents: { endpoint: "tcp://127.0.0.1:9" }' }],
    ["on an engine of the gateway's own", { own: true }],
  ])("%s", async (_what, { anew = false, own = false, more = "" }) => {
    using keeping = inStore();
    await using one = await engine();
    const ownEntry = `{ id: one, kind: emulated, gpu: l4-24g, models: [${model}], resident: [${model}], speed: 1000 }`;
    const engines = [own ? ownEntry : entryOf(one, "one", more)];
    const first = await start({ keeping, engines });
    expect(cachedIn(await teach(first))).toBeGreaterThan(1000);
    const known = first.status().engines[0];
    await written(keeping, first);
    await keeping.kill(first);
    if (anew) await one[Symbol.asyncDispose]();
    await using again = await engine(anew ? { port: Number(new URL(one.url).port) } : {});
    expect(again.url === one.url).toBe(anew);
    await using second = await start({ keeping, engines });
    expect(second.status().engines[0]).toMatchObject({ prefixTokens: 0, learned: known?.learned });
    expect(cachedIn(await ask(second, novel))).toBe(0);
  });
});

type Rest = { readonly anew?: boolean; readonly own?: boolean; readonly more?: string };

test("a journal of which nothing can be used is told in the log, and the gateway serves", async () => {
  using keeping = inStore();
  await using one = await engine();
  await keeping.all.beginSegment(1, 0);
  await keeping.all.appendJournal(1, { segment: 1, index: 0, lines: '{"kind":"journal","version":99}\n' });
  const log: string[] = [];
  await using gateway = await start({ keeping, engines: [entryOf(one, "one")], log });
  expect(log.join("")).toMatch(/journal-unread.*segment 1 of the journal.*format version 99, expected version 1/);
  expect((await ask(gateway, "hello")).status).toBe(200);
});

test("a gateway does not wait long for what is slow to be read: it serves, and takes it over then", async () => {
  using keeping = inStore();
  await using one = await engine();
  const engines = [entryOf(one, "one")];
  const first = await start({ keeping, engines });
  await teach(first);
  const known = first.status().engines[0];
  await written(keeping, first);
  await keeping.kill(first);
  const { promise: asked, resolve: tell } = Promise.withResolvers<void>();
  const { promise: answer, resolve: read } = Promise.withResolvers<void>();
  const readBlock: Store["readBlock"] = async (segment, index) => {
    tell();
    await answer;
    return keeping.all.readBlock(segment, index);
  };
  await using second = await start({ keeping: { ...keeping, store: { ...keeping.all, readBlock } }, engines });
  await asked;
  expect(second.status().engines[0]?.prefixTokens).toBe(0);
  expect(await keeping.all.listSegments()).toHaveLength(1);
  read();
  await until(() => Promise.resolve(second.status().engines[0]?.prefixTokens === known?.prefixTokens));
  expect(second.status().engines[0]?.learned).toEqual(known?.learned);
  expect((await ask(second, "hello")).status).toBe(200);
  await written(keeping, second);
  expect(await keeping.all.listSegments()).toHaveLength(2);
});

test("who wrote last in a later epoch is followed in that", async () => {
  using keeping = inStore();
  await using one = await engine();
  await keeping.all.beginSegment(7, 0);
  await using gateway = await start({ keeping, engines: [entryOf(one, "one")] });
  await ask(gateway, "hello");
  await written(keeping, gateway);
  expect((await keeping.all.listSegments()).map(({ epoch }) => epoch)).toEqual([7, 7]);
});
