/** The journal goes on from one file to the next, and each can be read by itself. */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { check, lawsOfAnyRun } from "../../../src/check/check.ts";
import { parseJournal } from "../../../src/journal/parse.ts";
import { readJournal } from "../../../src/journal/read.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { engines, inRoles, Live, llama, Owner, phi, stageOf } from "./world.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fate-live-"));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const pathOf = (name: string): string => join(folder, name);
const journal = (maxBytes = 1e9, keep = 100) => ({ path: pathOf("live.ndjson"), maxBytes, keep });

test("a run that ends in its first file obeys all laws, the last included", async () => {
  {
    await using live = new Live({ journal: journal(), speedOf: () => 4 });
    live.finish(live.call());
  }
  const read = await readJournal(pathOf("live.ndjson"));
  expect(read.header).toMatchObject({ clock: "wall", policy: "greedy-finish", workload: "live" });
  expect(read.header.firstSequence).toBeUndefined();
  expect(read.events[0]).toMatchObject({ kind: "cost-correct", load: 0.25 });
  expect(check(read, lawsOfAnyRun)).toEqual([]);
});

test("a full file is changed for a new one that tells what is open", async () => {
  const cluster = inRoles(engines("h100 h100 h100 h100", { maxResident: 2 }), "prefill", "decode", "both", "both");
  {
    await using live = new Live({ cluster, journal: journal(20_000), speedOf: () => 2 });
    const calls = Array.from({ length: 8 }, (_, index) => live.call({ model: index === 5 ? phi : llama }));
    live.pass(1000);
    calls.find(({ turn }) => turn.phase === "prefill")?.turn.handedOver();
    calls.find(({ turn }) => turn.phase === "whole")?.turn.firstToken();
    live.driver.arrive({ workflow: "flow", reveal: "static", tenant: "me", deadlineUs: 5e6 });
    live.driver.reveal(stageOf("flow", { id: "a" }));
    live.driver.reveal(stageOf("flow", { id: "b", parents: ["a"] }));
    const { key, workflow, id, parents, priority } = stageOf("flow", { id: "look" });
    live.driver.reveal({ key, workflow, id, parents, priority, kind: "tool", toolUs: 1000 });
    live.driver.toolStart("flow/look");
    live.driver.ready("flow/a", new Owner());
    live.driver.engineDown("engine-3");
    for (let more = 0; more < 40 && readdirSync(folder).length < 3; more++) {
      calls.push(live.call({ workflow: `more-${more}`, chain: [{ hash: more + 1, tokens: 10 }] }));
      const begun = calls.findIndex(({ turns }) => turns.at(-1)?.phase === "whole");
      const [next] = calls.splice(begun, begun < 0 ? 0 : 1);
      if (next !== undefined) live.finish(next);
      vi.advanceTimersByTime(20);
    }
    live.driver.toolEnd("flow/look");
  }
  const files = readdirSync(folder);
  expect(files.length).toBeGreaterThan(2);
  let next = 1;
  for (const file of [...files].sort((left, right) => ageOf(right) - ageOf(left))) {
    const read = await readJournal(pathOf(file));
    expect(read.header.firstSequence ?? 1).toBe(next);
    expect(check(read), file).toEqual([]);
    next = (read.events.at(-1)?.sequence ?? 0) + 1;
    if (file !== "live.ndjson") continue;
    // The last one is whole.
    expect(check(read, lawsOfAnyRun)).toEqual([]);
    expect(read.events.find((event) => event.kind === "workflow-arrive" && event.workflow === "flow")).toMatchObject({
      tenant: "me",
      deadlineUs: 5e6,
      atUs: 1000,
    });
    expect(read.events.filter(({ kind }) => kind === "cost-correct").length).toBeGreaterThan(0);
  }
});

test("only so many full files are kept, and what was there before is not written over", async () => {
  writeFileSync(pathOf("live.ndjson"), "of an earlier run\n");
  {
    await using live = new Live({ journal: journal(1, 2) });
    for (let turn = 0; turn < 6; turn++) {
      for (let call = 0; call < 20; call++) live.finish(live.call());
      vi.advanceTimersByTime(20);
    }
  }
  expect(readdirSync(folder).sort()).toEqual(["live.1.ndjson", "live.2.ndjson", "live.ndjson"]);
});

test("a journal that cannot be written does not stop the traffic", async () => {
  await using live = new Live({ journal: journal(1) });
  for (let call = 0; call < 20; call++) live.finish(live.call());
  // The next file cannot be made where a folder is gone and a file stands in its way.
  rmSync(folder, { recursive: true });
  writeFileSync(folder, "");
  vi.advanceTimersByTime(20);
  expect(live.faults).toHaveLength(1);
  live.finish(live.call());
  vi.advanceTimersByTime(20);
  expect(live.faults).toHaveLength(1);
});

function ageOf(file: string): number {
  return Number(/\.(\d+)\./.exec(file)?.[1] ?? 0);
}

test("in the store each segment stands alone, whoever planned, and what nobody was to write is told by the next", async () => {
  const store = createMemoryStore({ nowMs: () => 0 });
  const { beginSegment, appendJournal } = store;
  const pass = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await vi.advanceTimersByTimeAsync(300);
  };
  {
    const journalStore = { beginSegment, appendJournal, epoch: 3 };
    await using live = new Live({ journalStore, journal: { maxBytes: 1, keep: 1 }, speedOf: () => 2 });
    const [waiting, ...calls] = Array.from({ length: 30 }, () => live.call());
    for (const call of calls.splice(0, 5)) live.finish(call);
    await pass();
    live.driver.journalAs(undefined);
    for (const call of calls.splice(0, 5)) live.finish(call);
    await pass();
    live.driver.journalAs(5);
    for (const call of [...calls.splice(0), waiting]) if (call !== undefined) live.finish(call);
    await pass();
    live.driver.journalAs(undefined);
    live.finish(live.call());
    expect(live.faults).toEqual([]);
  }
  const segments = await store.listSegments();
  expect([...new Set(segments.map(({ epoch }) => epoch))]).toEqual([3, 5]);
  expect(segments.length).toBeGreaterThan(2);
  for (const { segment, blocks } of segments) {
    let text = "";
    for (let index = 0; index < blocks; index++) text += await store.readBlock(segment, index);
    const read = parseJournal(text, `segment ${segment}`);
    expect(check(read), `segment ${segment}`).toEqual([]);
    // What was cached is told at the beginning of all but the first.
    expect(read.events.some(({ kind }) => kind === "prefix-restore")).toBe(segment > 1);
  }
});
