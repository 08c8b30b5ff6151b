/** What a driver takes over from the journal of the one before it: all that can be true still, and of what is damaged as much as can be had. */

import fc from "fast-check";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { journalFiles, journalSegments } from "../../../src/gateway/live/journal-source.ts";
import { recollect, type Recalled } from "../../../src/gateway/live/recall.ts";
import type { Recall } from "../../../src/gateway/live/take-over.ts";
import { parseJournal } from "../../../src/journal/parse.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";
import { engines, Live, llama, phi, promptOf, type LiveChange } from "./world.ts";
import { portionOf } from "../../support/portion.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fate-recall-"));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const path = (): string => join(folder, "live.ndjson");
const older = (): string => join(folder, "live.1.ndjson");

/** Calls with a prompt of this name, each of which takes five times as long as modelled; the journal is left as it is when all is idle. */
async function leave(change: LiveChange = {}, prompts = ["a", "b", "a"]): Promise<Live> {
  const live = new Live({ journal: { path: path(), maxBytes: 1e9, keep: 3 }, ...change });
  for (const name of prompts) {
    const call = live.call({ chain: promptOf(name) });
    live.pass(1e6);
    call.turn.firstToken();
    live.pass(9e6);
    call.turn.end({ outputTokens: 100 });
    live.endWorkflow(call);
    vi.advanceTimersByTime(20);
  }
  await live[Symbol.asyncDispose]();
  return live;
}

async function recalledFrom(source = journalFiles(path())): Promise<Recalled> {
  const { recalled, remarks } = await recollect(source);
  expect(remarks).toEqual([]);
  if (recalled === undefined) expect.fail("nothing was recalled");
  return recalled;
}

const trusting = (recalled: Recalled): Recall => ({ recalled, shown: () => false, keeps: () => true });

const cachesOf = ({ driver }: Live): unknown[] =>
  Array.from(driver.world.state.cluster, ({ id, prefixes }) => [
    id,
    ...[...prefixes].map(([model, cache]) => [model, cache.list()]),
  ]);
const factorsOf = ({ driver }: Live, engine = "engine-0", model = llama): number[] => {
  const { load, prefill, decode } = driver.learned(engine, model);
  return [load, prefill, decode];
};

test("the next driver knows what the one before it knew, and its journal tells it again", async () => {
  const before = await leave();
  expect(factorsOf(before)).not.toEqual([1, 1, 1]);
  const recalled = await recalledFrom();
  const after = await leave({ recall: trusting(recalled) }, []);
  expect(cachesOf(after)).toEqual(cachesOf(before));
  expect(factorsOf(after)).toEqual(factorsOf(before));
  expect(after.driver.world.costs.engine("engine-0").models.get(llama)?.loadUs).toBe(
    before.driver.world.costs.engine("engine-0").models.get(llama)?.loadUs,
  );
  const again = await recalledFrom();
  expect(again).toEqual(recalled);
});

test("what another planner has learnt goes before what is known here", async () => {
  await leave({}, ["a"]);
  const recalled = await recalledFrom();
  await using live = new Live();
  live.finish(live.call({ chain: promptOf("b") }));
  live.driver.recall(trusting(recalled));
  expect(cachesOf(live)).toEqual([["engine-0", [llama, recalled.caches[0]?.nodes]], ["engine-1"]]);
  live.finish(live.call({ chain: promptOf("a") }));
  expect(live.of("prefill-start").map(({ cachedTokens }) => cachedTokens)).toEqual([0, 999]);
});

test("what an earlier segment told of what is cached, a later one tells again", async () => {
  const before = await leave({ journal: { path: path(), maxBytes: 1, keep: 100 } }, [..."abcdefghijklmnopqrst"]);
  expect(readdirSync(folder).length).toBeGreaterThan(1);
  expect(readFileSync(path(), "utf8")).not.toContain("w0/s");
  const recalled = await recalledFrom();
  expect(cachesOf(await leave({ recall: trusting(recalled) }, []))).toEqual(cachesOf(before));
});

describe("left out is", () => {
  test.each<readonly [string, LiveChange, Partial<Recall>, unknown, readonly number[]]>([
    [
      "what was cached where it cannot be any more",
      {},
      { keeps: () => false },
      [["engine-0"], ["engine-1"]],
      [1, 5, 5],
    ],
    ["what is of an engine that is no more", { cluster: engines("h100", { id: "other" }) }, {}, [["other"]], [1, 1, 1]],
  ])("%s", async (_what, change, doubts, caches, factors) => {
    const before = await leave();
    const known = factorsOf(before);
    const after = await leave({ ...change, recall: { ...trusting(await recalledFrom()), ...doubts } }, []);
    expect(cachesOf(after)).toEqual(caches);
    const id = after.driver.world.state.cluster.at(0).id;
    expect(factorsOf(after, id)).toEqual(factors[1] === 1 ? factors : known);
  });

  test("what was learnt with other costs, on other machines, or of another model of that name", async () => {
    await leave();
    const recalled = await recalledFrom();
    const [gpu] = recalled.cluster.gpus;
    const others: readonly Recalled[] = [
      { ...recalled, calibration: { ...plainCalibration, sources: ["another"] } },
      { ...recalled, cluster: { ...recalled.cluster, gpus: [{ ...gpu!, memoryBytesPerSecond: 1 }] } },
      { ...recalled, models: recalled.models.map((model) => ({ ...model, layers: 1 })) },
    ];
    for (const other of others) {
      const after = await leave({ recall: trusting(other) }, []);
      expect(factorsOf(after)).toEqual([1, 1, 1]);
    }
  });

  test("what is cached of a model that is not held now", async () => {
    await leave();
    const recall = { ...trusting(await recalledFrom()), shown: () => true };
    const after = await leave({ cluster: engines("h100 h100", { resident: [phi] }), recall }, []);
    expect(cachesOf(after)).toEqual([["engine-0"], ["engine-1"]]);
  });
});

test("models that an engine held are held, as far as it does not say otherwise", async () => {
  const cluster = engines("h100 h100", { resident: [], maxResident: 2 });
  const before = new Live({ cluster, journal: { path: path(), maxBytes: 1e9, keep: 1 } });
  for (const model of [phi, llama]) before.finish(before.call({ model }));
  await before[Symbol.asyncDispose]();
  const recalled = await recalledFrom();
  const held = ({ driver }: Live): unknown =>
    Array.from(driver.world.state.cluster, ({ residents }) => residents.map(({ model }) => model));
  const shown = (engine: string): boolean => engine === "engine-1";
  expect(held(await leave({ cluster, recall: trusting(recalled) }, []))).toEqual(held(before));
  expect(held(await leave({ cluster, recall: { ...trusting(recalled), shown } }, []))).toEqual([
    (held(before) as string[][])[0],
    [],
  ]);
});

describe("of a damaged journal as much is taken over as can be had:", () => {
  const damages: readonly (readonly [string, (text: string) => string, RegExp])[] = [
    ["a torn last line", (text) => text.slice(0, -9), /live\.ndjson is read no further: .*a torn line/],
    ["a line of nonsense", (text) => `${text}nonsense\n`, /expected a record as JSON/],
    [
      "a record that cannot follow",
      (text) => `${text}${JSON.stringify({ ...lastOf(text), kind: "workflow-end", workflow: "no" })}\n`,
      /line \d+ is read no further: workflow no is not open/,
    ],
  ];
  test.each(damages)("%s", async (_what, damage, remark) => {
    const before = await leave();
    const text = readFileSync(path(), "utf8");
    writeFileSync(path(), damage(text));
    const { recalled, remarks } = await recollect(journalFiles(path()));
    expect(remarks).toEqual([expect.stringMatching(remark)]);
    expect(recalled?.caches.map(({ nodes }) => nodes)).toEqual(
      (cachesOf(before) as [string, [string, unknown]][]).flatMap(([, cache]) =>
        cache === undefined ? [] : [cache[1]],
      ),
    );
  });

  const useless: readonly (readonly [string, (path: string) => void, RegExp | undefined])[] = [
    ["empty", (file) => writeFileSync(file, ""), undefined],
    ["without a whole header", (file) => writeFileSync(file, '{"kind":"jour'), /a torn line/],
    [
      "of another version",
      (file) => writeFileSync(file, readFileSync(file, "utf8").replace('"version":1', '"version":2')),
      /format version 2, expected version 1/,
    ],
    ["bytes that are no text", (file) => writeFileSync(file, Buffer.from([255, 254, 10])), /expected the header/],
  ];
  test.each(useless)("a file that is %s gives way to the one before", async (_what, damage, remark) => {
    const before = await leave();
    await leave({}, []);
    damage(path());
    const { recalled, remarks } = await recollect(journalFiles(path()));
    expect(remarks).toEqual(remark === undefined ? [] : [expect.stringMatching(remark)]);
    expect(recalled?.factors).toContainEqual(expect.objectContaining({ decode: factorsOf(before)[2] }));
    damage(older());
    expect((await recollect(journalFiles(path()))).recalled).toBeUndefined();
  });

  test("a block of the store that is missing, or one too many", async () => {
    await leave();
    const lines = readFileSync(path(), "utf8").split(/(?<=\n)/);
    const store = createMemoryStore({ nowMs: () => 0 });
    for (const [index, block] of [lines.slice(0, -3), lines.slice(-3)].entries()) {
      if (index === 0) await store.beginSegment(1, 0);
      await store.appendJournal(1, { segment: 1, index, lines: block.join("") });
    }
    await store.beginSegment(1, 0);
    const whole = await recalledFrom(journalSegments(store));
    expect(whole.caches).toHaveLength(1);
    const readBlock = (segment: number, index: number) =>
      index === 1 ? Promise.resolve(undefined) : store.readBlock(segment, index);
    const { recalled, remarks } = await recollect(journalSegments({ ...store, readBlock }));
    expect(remarks).toEqual([expect.stringMatching(/^segment 1 of the journal .*: block 1 of 2 is not there$/)]);
    expect(recalled?.caches).toEqual(whole.caches);
    const much = (segment: number, index: number) =>
      index === 1 ? Promise.resolve("x".repeat(64 * 2 ** 20)) : store.readBlock(segment, index);
    const partly = await recollect(journalSegments({ ...store, readBlock: much }));
    expect(partly.remarks).toEqual([
      expect.stringMatching(/it has \d+ bytes, of which the first 67108864 are read at a start$/),
    ]);
    expect(partly.recalled?.caches).toEqual(whole.caches);
    const away = (): Promise<never> => Promise.reject(new Error("the store is away"));
    expect(await recollect(journalSegments({ ...store, listSegments: away }))).toEqual({
      remarks: ["the store is away"],
    });
  });
});

test("nothing is there at the first start", async () => {
  expect(await recollect(journalFiles(path()))).toEqual({ remarks: [] });
  expect(await recollect(journalSegments(createMemoryStore({ nowMs: () => 0 })))).toEqual({ remarks: [] });
});

test("whatever stands in a journal, a driver begins", async () => {
  await leave({ policy: "hexagent+history" }, [..."abcabc"]);
  const lines = readFileSync(path(), "utf8").split(/(?<=\n)/);
  const edit = fc.record({
    at: fc.nat(lines.length - 1),
    how: fc.constantFrom<"cut" | "swap" | "twice" | "gone" | "digit" | "nonsense">(
      "cut",
      "swap",
      "twice",
      "gone",
      "digit",
      "nonsense",
    ),
    where: fc.nat(1000),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      const spoilt = [...lines];
      for (const { at, how, where } of edits) {
        const line = spoilt[at] ?? "";
        if (how === "cut") spoilt[at] = line.slice(0, where % (line.length + 1));
        else if (how === "swap") spoilt.splice(at, 2, ...spoilt.slice(at, at + 2).toReversed());
        else if (how === "twice") spoilt.splice(at, 0, line);
        else if (how === "gone") spoilt.splice(at, 1);
        else if (how === "digit") spoilt[at] = line.replace(/\d(?=\D*$)/, String(where % 10));
        else spoilt[at] = `${line.slice(0, where)}\u0000}{${line.slice(where)}`;
      }
      const pieces = (async function* () {
        yield spoilt.join("");
      })();
      const source = async function* () {
        yield { name: "spoilt", lines: pieces };
      };
      const { recalled } = await recollect(source);
      if (recalled === undefined) return;
      await using live = new Live({ policy: "hexagent+history", recall: trusting(recalled) });
      live.finish(live.call({ chain: promptOf("a") }));
    }),
    { numRuns: portionOf(150) },
  );
});

function lastOf(text: string): { readonly atUs: number; readonly sequence: number } {
  const { atUs, sequence } = parseJournal(text).events.at(-1) ?? { atUs: 0, sequence: 0 };
  return { atUs, sequence: sequence + 1 };
}

test("what workflows called before is loaded before the first of them comes, one model after another", async () => {
  const change = { policy: "foresight", loads: true } as const;
  const empty = engines("h100", { resident: [], maxResident: 2 });
  const before = new Live({ ...change, cluster: empty, journal: { path: path(), maxBytes: 1e9, keep: 3 } });
  for (const model of [llama, phi]) {
    const call = before.call({ model });
    before.engine("engine-0").take().end();
    await vi.waitFor(() => expect(call.turns).toHaveLength(1));
    before.finish(call);
  }
  await before[Symbol.asyncDispose]();
  await using live = new Live({
    ...change,
    cluster: empty,
    recall: { ...trusting(await recalledFrom()), shown: () => true },
  });
  const { asked } = live.engine("engine-0");
  // What its servers say when they are first looked at.
  live.driver.sight("engine-0", { resident: [] });
  const models: string[] = [];
  for (const count of [1, 2]) {
    vi.advanceTimersByTime(100);
    expect(asked).toHaveLength(1);
    const load = live.engine("engine-0").take();
    models.push(load.model);
    live.pass(1e6);
    load.end();
    await vi.waitFor(() => expect(live.of("model-load-end")).toHaveLength(count));
  }
  expect(models.sort()).toEqual([llama, phi]);
  vi.advanceTimersByTime(1000);
  expect(asked).toEqual([]);
  const call = live.call({ model: phi });
  expect(call.turns).toHaveLength(1);
  live.finish(call);
});
