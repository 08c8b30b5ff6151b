/** The journal in a store that is slow, away, full, broken, or another's: what is kept can be read, and nothing ever waits for it. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { JournalSegments } from "../../../src/gateway/live/journal-segments.ts";
import { createMemoryStore } from "../../../src/store/memory.ts";
import { StoreFault, type JournalVerbs } from "../../../src/store/store.ts";
import { createHandTime } from "../declared/hand-time.ts";
import { portionOf } from "../../support/portion.ts";

type Verb = "beginSegment" | "appendJournal";
/** What becomes of the next verb: it is done, is refused, is done although the answer is lost, or has no answer at all. */
type Fate = "done" | "refused" | "lost answer" | "silent" | "full" | "broken";

function open(
  change: { readonly epoch?: number | undefined; readonly maxBytes?: number; readonly fates?: Fate[] } = {},
) {
  const store = createMemoryStore({ nowMs: () => 0 });
  const time = createHandTime();
  const faults: string[] = [];
  const asked: Verb[] = [];
  const fates = change.fates ?? [];
  const meet = async <T>(verb: Verb, act: () => Promise<T>): Promise<T> => {
    asked.push(verb);
    const fate = fates.shift() ?? "done";
    if (fate === "silent") return new Promise(() => {});
    if (fate === "full" || fate === "broken") throw new StoreFault(fate, `it is ${fate}`);
    const value = fate === "refused" ? undefined : await act();
    if (fate === "done") return value as T;
    throw new StoreFault("unavailable", "it is away");
  };
  const verbs: Pick<JournalVerbs, Verb> = {
    beginSegment: (...given) => meet("beginSegment", () => store.beginSegment(...given)),
    appendJournal: (...given) => meet("appendJournal", () => store.appendJournal(...given)),
  };
  const sink = new JournalSegments({
    verbs,
    time,
    epoch: "epoch" in change ? change.epoch : 1,
    maxBytes: change.maxBytes ?? 1e6,
    onFault: (error) => faults.push(error instanceof Error ? error.message : String(error)),
  });
  const kept = async (): Promise<string[]> => {
    const texts: string[] = [];
    for (const { segment, blocks } of await store.listSegments()) {
      let text = "";
      for (let index = 0; index < blocks; index++) text += await store.readBlock(segment, index);
      texts.push(text);
    }
    return texts;
  };
  return { sink, store, time, faults, asked, fates, kept };
}

const line = (name: string | number, characters = 10): string => `${`${name} `.padEnd(characters - 1, ".")}\n`;

test("lines are gathered for a quarter of a second, and make one block", async () => {
  const { sink, time, asked, kept } = open();
  sink.begin(line("header"));
  for (let at = 0; at < 20; at++) {
    sink.append(line(at));
    await time.pass(10);
  }
  expect(asked).toEqual([]);
  await time.pass(50);
  expect(asked).toEqual(["beginSegment", "appendJournal"]);
  expect(await kept()).toEqual([line("header") + Array.from({ length: 20 }, (_, at) => line(at)).join("")]);
  await sink.close();
});

test("what is much makes blocks of whole lines, a mebibyte at most, and a longer line one by itself", async () => {
  const { sink, store, kept } = open({ maxBytes: 1e9 });
  const lines = [
    line("header"),
    ...Array.from({ length: 5000 }, (_, at) => line(at, 500)),
    line("long", 3e6),
    line("last"),
  ];
  sink.begin(lines.join(""));
  await sink.close();
  expect(await kept()).toEqual([lines.join("")]);
  const [segment] = await store.listSegments();
  const lengths: number[] = [];
  for (let index = 0; index < (segment?.blocks ?? 0); index++) {
    const block = (await store.readBlock(1, index)) ?? "";
    expect(block.endsWith("\n")).toBe(true);
    lengths.push(block.length);
  }
  expect(lengths.filter((length) => length > 2 ** 20)).toEqual([3e6]);
  expect(lengths.length).toBeLessThan(8);
});

test("a segment that is full is due, and the next has its own number", async () => {
  const { sink, kept } = open({ maxBytes: 50 });
  sink.begin(line("header"));
  expect(sink.due).toBe(false);
  sink.append(line("a", 45));
  expect(sink.due).toBe(true);
  sink.begin(line("next"));
  expect(sink.due).toBe(false);
  await sink.close();
  expect(await kept()).toEqual([line("header") + line("a", 45), line("next")]);
});

test("a store that is away for a while loses nothing, whatever became of what it was asked; it is said once", async () => {
  const { sink, time, faults, kept } = open({
    fates: ["refused", "refused", "done", "lost answer", "refused", "full"],
  });
  sink.begin(line("header"));
  sink.append(line("a"));
  await time.pass(300);
  expect(faults).toEqual(["it is away"]);
  sink.append(line("b"));
  await time.pass(20_000);
  expect(faults).toHaveLength(1);
  expect(await kept()).toEqual([line("header") + line("a") + line("b")]);
  await sink.close();
});

test("what waits is bounded: beyond it the segment is broken off, and the next begins when the store is back", async () => {
  const { sink, time, faults, fates, kept } = open({ maxBytes: 1e9 });
  sink.begin(line("header"));
  await time.pass(300);
  for (let index = 0; index < 40; index++) fates.push("refused");
  let taken = 0;
  for (; sink.takes && taken < 100; taken++) {
    sink.append(line(taken, 2 ** 20));
    await time.pass(1);
  }
  expect(taken).toBe(17);
  expect(sink.due).toBe(false);
  sink.append(line("nobody takes this"));
  await time.pass(5000);
  expect(sink.due).toBe(false);
  expect(faults).toHaveLength(1);
  fates.length = 0;
  await time.pass(5000);
  expect(sink.due).toBe(true);
  sink.begin(line("again"));
  await time.pass(300);
  expect(await kept()).toEqual([line("header"), line("again")]);
  await sink.close();
});

test("what a segment begins with may be more than that", async () => {
  const { sink, time, faults, kept } = open();
  const lines = Array.from({ length: 40 }, (_, at) => line(at, 2 ** 20)).join("");
  sink.begin(lines);
  expect([sink.takes, sink.due]).toEqual([true, false]);
  sink.append(line("a"));
  await time.pass(300);
  expect(faults).toEqual([]);
  expect((await kept())[0] === lines + line("a")).toBe(true);
  await sink.close();
});

test("who is deposed writes no more, and who is to plan again begins a segment of its own", async () => {
  const { sink, store, time, faults, kept } = open({ epoch: 4 });
  sink.begin(line("four"));
  await time.pass(300);
  await store.beginSegment(5, 0);
  sink.append(line("late"));
  await time.pass(300);
  expect([sink.takes, sink.due]).toEqual([false, false]);
  expect(faults).toEqual(["the journal is written by a planner of a later epoch than 4"]);
  sink.writeAs(6);
  expect([sink.takes, sink.due]).toEqual([false, true]);
  sink.begin(line("six"));
  await time.pass(300);
  expect(await kept()).toEqual([line("four"), "", line("six")]);
  expect((await store.listSegments()).map(({ epoch }) => epoch)).toEqual([4, 5, 6]);
  sink.writeAs(undefined);
  sink.append(line("nobody takes this"));
  await sink.close();
  expect((await kept()).at(-1)).toBe(line("six"));
});

test("nobody writes before it is said who does", async () => {
  const { sink, time, asked } = open({ epoch: undefined });
  sink.begin(line("header"));
  await time.pass(1000);
  expect([sink.takes, sink.due, asked.length]).toEqual([false, false, 0]);
  await sink.close();
});

test("a store that is broken is not asked again", async () => {
  const { sink, time, faults, asked } = open({ fates: ["done", "broken"] });
  sink.begin(line("header"));
  await time.pass(300);
  sink.append(line("a"));
  await time.pass(60_000);
  expect([sink.takes, sink.due, asked.length, faults]).toEqual([false, false, 2, ["it is broken"]]);
  await sink.close();
});

test("a store that never answers holds the end up for five seconds at most", async () => {
  const { sink, time } = open({ fates: ["silent"] });
  sink.begin(line("header"));
  let closed = false;
  const closing = sink.close().then(() => (closed = true));
  await time.pass(4999);
  expect(closed).toBe(false);
  await time.pass(1);
  await closing;
});

test("whatever the store does, each segment is a beginning of what it was given, and the last is whole in the end", async () => {
  const fate = fc.constantFrom<Fate>("done", "done", "refused", "lost answer", "full");
  const step = fc.oneof(
    fc.record({ kind: fc.constant("append" as const), characters: fc.constantFrom(10, 400_000, 2 ** 20) }),
    fc.record({ kind: fc.constant("pass" as const), ms: fc.constantFrom(1, 250, 1000, 10_000) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { maxLength: 60 }), fc.array(step, { maxLength: 40 }), async (fates, steps) => {
      const { sink, time, kept, store } = open({ fates, maxBytes: 3e6 });
      const given: string[] = [];
      const begin = (): void => {
        given.push(line(`header ${given.length}`, 20));
        sink.begin(given.at(-1) as string);
      };
      begin();
      for (const [index, each] of steps.entries()) {
        if (sink.due) begin();
        if (each.kind === "pass") await time.pass(each.ms);
        else if (sink.takes) {
          given.push(`${given.pop()}${line(index, each.characters)}`);
          sink.append(line(index, each.characters));
        }
      }
      fates.length = 0;
      await time.pass(20_000);
      if (sink.due) begin();
      await sink.close();
      const texts = (await kept()).filter((text) => text !== "");
      expect(texts.every((text) => given.some((whole) => whole.startsWith(text)))).toBe(true);
      expect(texts.at(-1) === given.at(-1)).toBe(true);
      expect((await store.listSegments()).every(({ epoch }) => epoch === 1)).toBe(true);
    }),
    { numRuns: portionOf(100) },
  );
});
