import { expect, test } from "vitest";
import type { Journal } from "../../src/journal/journal.ts";
import type { JournalEvent } from "../../src/model/event.ts";
import { cluster, dag, run } from "../support/build.ts";

const many = Array.from({ length: 20 }, (_, index) =>
  dag("a -> b, c -> d", () => ({}), { id: `w${index}`, arrivalUs: index * 500_000 }),
);
const count = (journal: Journal, kind: JournalEvent["kind"]): number =>
  journal.events.filter((event) => event.kind === kind).length;

test("crashed engines come back, lost stages run again, and every workflow ends", () => {
  const journal = run({ workflows: many, faults: { crashEveryUs: 20e6, crashForUs: 5e6 } });
  expect(count(journal, "engine-down")).toBeGreaterThan(2);
  expect(count(journal, "stage-lost")).toBeGreaterThan(2);
  expect(count(journal, "workflow-end")).toBe(20);
});

test("a stage that takes far longer than any engine lives is lost a hundred times, and then ends", () => {
  const long = dag("a", () => ({ output: { estimate: 20_000, actual: 20_000, limit: 20_000 } }));
  const journal = run({
    cluster: cluster("h100"),
    workflows: [long],
    faults: { crashEveryUs: 5e6, crashForUs: 1e6 },
  });
  expect(count(journal, "stage-lost")).toBe(100);
  expect(count(journal, "engine-down")).toBeGreaterThanOrEqual(100);
  expect(count(journal, "workflow-end")).toBe(1);
});

test("a lost result is computed again", () => {
  const journal = run({ workflows: many, faults: { lossChance: 0.2 } });
  const lost = journal.events.filter((event) => event.kind === "stage-lost");
  expect(lost.length).toBeGreaterThan(5);
  expect(count(journal, "share-start")).toBe(80 + lost.length);
  expect(count(journal, "stage-end")).toBe(80);
});

test("a slow engine takes longer by its factor", () => {
  const decodeUs = (journal: Journal): number[] =>
    journal.events.flatMap((event, index) => {
      const end = journal.events.slice(index).find((later) => later.kind === "decode-end");
      return event.kind === "decode-start" && end !== undefined ? [end.atUs - event.atUs] : [];
    });
  const slow = run({
    cluster: cluster("h100"),
    workflows: many,
    faults: { slowEveryUs: 10e6, slowForUs: 10e6, slowFactor: 2 },
  });
  const durations = decodeUs(slow);
  expect(Math.max(...durations) / Math.min(...durations)).toBeCloseTo(2, 1);
});

test("a stale view may ask for an engine that is down: it is told so, and everything ends", () => {
  const journal = run({ workflows: many, faults: { crashEveryUs: 10e6, crashForUs: 5e6, staleUs: 2e6 } });
  expect(count(journal, "decision-reject")).toBeGreaterThan(0);
  expect(count(journal, "workflow-end")).toBe(20);
});

test("one seed, one journal; another seed, other faults but the same workload", () => {
  const faults = { crashEveryUs: 20e6, crashForUs: 5e6, lossChance: 0.1, slowEveryUs: 30e6, staleUs: 1000 };
  const journal = (seed: number): string => JSON.stringify(run({ workflows: many, faults, seed }).events);
  expect(journal(1)).toBe(journal(1));
  expect(journal(1)).not.toBe(journal(2));
});
