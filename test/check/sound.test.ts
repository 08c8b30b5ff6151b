/** Journals of sound runs break no law, whatever happens in them. */

import { describe, expect, test } from "vitest";
import { check, createChecker, lawsOfAnyRun, violationLimit } from "../../src/check/check.ts";
import { laws } from "../../src/check/laws.ts";
import type { EventKind } from "../../src/model/event.ts";
import { cluster, dag, run } from "../support/build.ts";
import { wildRuns } from "./wild.ts";

describe.each(Object.entries(wildRuns))("%s engines", (_name, make) => {
  test("seed 1", () => {
    expect(check(make(1))).toEqual([]);
  });
});

test("the wild runs write every kind of record that the simulator has", () => {
  const kinds = new Set<EventKind>();
  for (const make of Object.values(wildRuns)) for (const event of make(1).events) kinds.add(event.kind);
  expect([...kinds].sort()).toEqual(
    [
      "batch-step",
      "decision-reject",
      "decode-end",
      "decode-start",
      "engine-down",
      "engine-slow",
      "engine-up",
      "kv-transfer-end",
      "kv-transfer-start",
      "model-evict",
      "model-load-end",
      "model-load-start",
      "plan",
      "prefill-end",
      "prefill-start",
      "prefix-retain",
      "share-end",
      "share-preempt",
      "share-start",
      "stage-end",
      "stage-lost",
      "stage-place",
      "stage-ready",
      "stage-reveal",
      "stage-skip",
      "tool-end",
      "tool-start",
      "transfer-end",
      "transfer-start",
      "workflow-arrive",
      "workflow-end",
    ].sort(),
  );
});

test("a stage that no engine can take leads to an abandoned workflow, and that is no violation", () => {
  const journal = run({ cluster: cluster("l40s"), workflows: [dag("a -> b", () => ({ model: "llama-3.1-70b" }))] });
  expect(journal.events.some((event) => event.kind === "workflow-abandon")).toBe(true);
  expect(check(journal)).toEqual([]);
});

test("a journal of nothing breaks no law", () => {
  expect(check(run({ workflows: [] }))).toEqual([]);
});

test("a journal cut off in the middle is not accounted for", () => {
  const { header, events } = wildRuns["exclusive"]?.(1) ?? run({ workflows: [] });
  const found = check({ header, events: events.slice(0, 500) });
  expect(new Set(found.map(({ law }) => law))).toContain("accounted");
});

test("no more violations are kept than the limit", () => {
  const { header, events } = run({ workflows: [dag("a")] });
  const checker = createChecker(header);
  for (let round = 0; round < 2000; round++) for (const event of events) checker.see(event);
  expect(checker.end()).toHaveLength(violationLimit);
});

test("a recording of real servers is held against the laws that need no model", () => {
  const { header, events } = run({ workflows: [dag("a -> b")] });
  const calibration = { ...header.calibration, models: { "llama-3.1-8b": { prefill: 1.3, decode: 0.9 } } };
  const measured = { header: { ...header, calibration }, events };
  expect(check(measured).length).toBeGreaterThan(0);
  expect(check(measured, lawsOfAnyRun)).toEqual([]);
});

test("every law has a name of its own and a claim", () => {
  expect(new Set(laws.map(({ name }) => name)).size).toBe(laws.length);
  for (const law of laws) expect(law.claim.length).toBeGreaterThan(20);
});
