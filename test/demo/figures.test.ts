import { expect, test } from "vitest";
import { FigureCount } from "../../src/demo/figures.ts";
import type { JournalEvent } from "../../src/model/event.ts";
import type { VisibleModelStage } from "../../src/model/visible.ts";

/** Records of one moment each, with what figures look at. */
function record(kind: JournalEvent["kind"], atUs: number, fields: object): JournalEvent {
  return { kind, atUs, sequence: 1, ...fields } as JournalEvent;
}

function stage(id: string): VisibleModelStage {
  return {
    key: `w/${id}`,
    workflow: "w",
    id,
    ordinal: 0,
    parents: [],
    priority: 0,
    kind: "llm",
    model: "small",
    chain: [{ hash: 1, tokens: 10 }],
    sharedLinks: 1,
    promptTokens: 10,
    outputTokens: 5,
    limitTokens: 5,
    items: 1,
  };
}

function countOf(speed: number, events: readonly JournalEvent[]): FigureCount {
  const count = new FigureCount(speed);
  for (const event of events) count.see(event);
  return count;
}

const arrival = [record("workflow-arrive", 100, { workflow: "w", reveal: "online" })];
const ready = (id: string, atUs: number): readonly JournalEvent[] => [
  record("stage-reveal", atUs, { stage: stage(id) }),
  record("stage-ready", atUs, { stage: `w/${id}` }),
];
const start = (id: string, engine: string, atUs: number): JournalEvent =>
  record("share-start", atUs, { stage: `w/${id}`, share: 0, attempt: 0, engine, phase: "whole", kvTokens: 0 });
const load = (engine: string, fromUs: number, toUs: number, cause = "stage"): readonly JournalEvent[] => [
  record("model-load-start", fromUs, { engine, model: "small", bytes: 1, durationUs: 1, cause }),
  record("model-load-end", toUs, { engine, model: "small" }),
];

test("a call waits behind a load for as long as its own engine was loading while it was ready", () => {
  const count = countOf(1, [
    ...arrival,
    ...load("left", 110, 150),
    ...ready("a", 140),
    ...load("right", 150, 190),
    ...load("left", 160, 180),
    start("a", "left", 200),
  ]);
  // 140 to 150 and 160 to 180; what the other engine loads is nothing to it.
  expect(count.read()).toMatchObject({ behindLoadsUs: 30, loads: 3, loadUs: 100, waitsUs: [60], waiting: 0 });
});

test("what a server turned out to hold was no load", () => {
  const { loads, loadUs, loadsByModel } = countOf(1, load("left", 10, 10, "observed")).read();
  expect({ loads, loadUs, loadsByModel }).toEqual({ loads: 0, loadUs: 0, loadsByModel: {} });
});

test("a workflow lasts until its last answer, and a second attempt is no second wait", () => {
  const count = countOf(1, [
    ...arrival,
    ...ready("a", 110),
    start("a", "left", 120),
    start("a", "right", 170),
    record("stage-end", 300, { stage: "w/a", attempt: 1, outputTokens: 5 }),
    ...ready("b", 310),
  ]);
  expect(count.read()).toMatchObject({
    spans: [{ workflow: "w", startUs: 100, endUs: 300 }],
    waitsUs: [10],
    answered: 1,
    waiting: 1,
  });
});

test("times are scaled back to those of the machines described; counts are not", () => {
  const count = countOf(20, [...arrival, ...ready("a", 110), ...load("left", 110, 150), start("a", "left", 150)]);
  expect(count.read()).toMatchObject({
    loads: 1,
    loadUs: 800,
    behindLoadsUs: 800,
    waitsUs: [800],
    begins: [{ engine: "left", readyUs: 2200, atUs: 3000 }],
  });
});
