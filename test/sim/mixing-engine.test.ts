/** An engine that mixes models: a batch for each, side by side. */

import { expect, test } from "vitest";
import { check } from "../../src/check/check.ts";
import type { Journal } from "../../src/journal/journal.ts";
import type { Engine } from "../../src/model/cluster.ts";
import type { BatchStep } from "../../src/model/event.ts";
import type { ModelStage, Workflow } from "../../src/model/workflow.ts";
import type { PolicyEntry } from "../../src/policy/policy.ts";
import { batched, cluster, firstUs, llm, run } from "../support/build.ts";

const small = "llama-3.1-8b";
const large = "phi-4-14.7b";
const mixing = { ...batched, mixesModels: true } as Engine["batching"];

function api(change: Partial<Engine> = {}) {
  return cluster("h200", { batching: mixing, resident: [small, large], maxResident: 2, kvBytes: 4e9, ...change });
}

function lone(id: string, arrivalUs: number, change: Partial<ModelStage> = {}): Workflow {
  return { id, arrivalUs, reveal: "static", stages: [llm("s", change)] };
}

function written(tokens: number): Pick<ModelStage, "output"> {
  return { output: { estimate: tokens, actual: tokens, limit: tokens } };
}

/** Places what is ready at once, in the order of names. */
const byName: PolicyEntry = {
  summary: "by name",
  plan: ({ ready, cluster: engines }) => ({
    decisions: ready.map((stage) => ({
      kind: "place",
      stage: stage.key,
      shares: [{ engine: engines.at(0).id, items: stage.items }],
      rank: Number.parseInt(stage.key, 36),
    })),
  }),
};

function steps({ events }: Journal, model: string): Omit<BatchStep, "sequence">[] {
  return events.flatMap((event) => {
    if (event.kind !== "batch-step" || event.model !== model) return [];
    const { sequence: _sequence, ...step } = event;
    return [step];
  });
}

test("two models side by side run as if each were alone", () => {
  const ofSmall = [lone("a", 0, written(500)), lone("c", 700_000, written(300)), lone("e", 1_100_000, written(40))];
  const ofLarge = [lone("b", 10_000, { model: large }), lone("d", 900_000, { model: large, ...written(700) })];
  const both = [...ofSmall, ...ofLarge].sort((left, right) => left.arrivalUs - right.arrivalUs);
  const together = run({ cluster: api(), workflows: both });
  const overlaps = steps(together, small).some((step) =>
    steps(together, large).some((other) => other.startUs < step.atUs && step.startUs < other.atUs),
  );
  expect(overlaps).toBe(true);
  expect(steps(together, small)).toEqual(steps(run({ cluster: api(), workflows: ofSmall }), small));
  expect(steps(together, large)).toEqual(steps(run({ cluster: api(), workflows: ofLarge }), large));
});

test("alone, a model runs as on an engine that does not mix", () => {
  const workflows = [lone("a", 0, written(500)), lone("b", 400_000, written(300)), lone("c", 410_000)];
  const plain = run({ cluster: api({ batching: batched }), workflows });
  expect(run({ cluster: api(), workflows }).events).toEqual(plain.events);
});

test("sequences of all models together stay within the bound, and what lacks them goes first when there are", () => {
  const narrow = api({ batching: { ...mixing, maxSequences: 2 } as Engine["batching"] });
  const journal = run({
    cluster: narrow,
    policy: byName,
    workflows: [
      lone("a", 0, written(200)),
      lone("b", 0, { model: large, ...written(800) }),
      lone("c", 10, { model: large, ...written(50) }),
      lone("d", 20, written(50)),
    ],
  });
  expect(firstUs(journal, "share-start", "b/s")).toBe(0);
  // A place of the small model's is free, but the one that has waited longer is of the large one.
  expect(firstUs(journal, "share-start", "c/s")).toBeGreaterThanOrEqual(firstUs(journal, "share-end", "a/s"));
  expect(firstUs(journal, "share-start", "d/s")).toBeGreaterThan(firstUs(journal, "share-start", "c/s"));
});

test("KV memory is each model's own: one that lacks it keeps only its model waiting", () => {
  // Room for one stage of the large model, and for two of the small one.
  const tight = api({ kvBytes: 2000 * 204_800 });
  const journal = run({
    cluster: tight,
    policy: byName,
    workflows: [
      lone("a", 0, { model: large, ...written(200) }),
      lone("b", 0, { model: large }),
      lone("c", 0, { model: large }),
      lone("d", 0),
    ],
  });
  expect(firstUs(journal, "share-start", "b/s")).toBe(firstUs(journal, "share-end", "a/s"));
  expect(firstUs(journal, "share-start", "c/s")).toBe(firstUs(journal, "share-end", "b/s"));
  expect(firstUs(journal, "share-start", "d/s")).toBe(0);
});

test("a load waits until nothing runs, what is behind it waits too, and nothing joins during it", () => {
  const third = "embed-1.2b";
  const journal = run({
    cluster: api(),
    policy: byName,
    workflows: [
      lone("a", 0, written(200)),
      lone("b", 0, { model: large, ...written(300) }),
      lone("c", 10, { kind: "embed", model: third, ...written(0) }),
      lone("d", 20),
    ],
  });
  const load = journal.events.find((event) => event.kind === "model-load-start");
  const lastUs = Math.max(firstUs(journal, "share-end", "a/s"), firstUs(journal, "share-end", "b/s"));
  expect([load?.model, load?.atUs]).toEqual([third, lastUs]);
  const loadedUs = journal.events.find((event) => event.kind === "model-load-end")?.atUs;
  expect(firstUs(journal, "share-start", "c/s")).toBe(loadedUs);
  expect(firstUs(journal, "share-start", "d/s")).toBeGreaterThanOrEqual(loadedUs ?? Infinity);
});

test("preemption takes from the batch that has outgrown its memory, not from another", () => {
  const tight = api({ kvBytes: 3000 * 204_800 });
  const grows = { output: { estimate: 200, actual: 900, limit: 1000 } };
  const journal = run({
    cluster: tight,
    policy: byName,
    workflows: [
      lone("a", 0, { model: large, ...grows }),
      lone("b", 0, { model: large, ...grows }),
      lone("c", 10, grows),
    ],
  });
  expect(journal.events.filter((event) => event.kind === "share-preempt").map((event) => event.stage)).toEqual(["b/s"]);
  expect(check(journal)).toEqual([]);
});

test("sequences that a preempted share gives back are another model's at once", () => {
  const grows = { output: { estimate: 200, actual: 900, limit: 1000 } };
  const journal = run({
    cluster: api({ kvBytes: 3000 * 204_800, batching: { ...mixing, maxSequences: 2 } as Engine["batching"] }),
    policy: byName,
    workflows: [
      lone("a", 0, { model: large, ...grows }),
      lone("b", 0, { model: large, ...grows }),
      lone("c", 10, written(50)),
    ],
  });
  expect(firstUs(journal, "share-start", "c/s")).toBe(firstUs(journal, "share-preempt", "b/s"));
});
