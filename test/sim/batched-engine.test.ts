import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { check } from "../../src/check/check.ts";
import { createCostModel } from "../../src/cost/cost-model.ts";
import { decodeStepsUs } from "../../src/cost/decode.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import type { BatchStep } from "../../src/model/event.ts";
import type { Journal } from "../../src/journal/journal.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { batched, cluster, dag, firstUs, llm, run } from "../support/build.ts";

const one = cluster("h100", { batching: batched });
const rates = createCostModel(one, knownModels, shippedCalibration).engines[0]!.models.get("llama-3.1-8b")!.rates;
const steps = (journal: Journal): BatchStep[] => journal.events.filter((event) => event.kind === "batch-step");
const lone = (id: string, arrivalUs: number, change: Parameters<typeof llm>[1] = {}): Workflow => ({
  id,
  arrivalUs,
  reveal: "static",
  stages: [llm("s", change)],
});

test("alone, a stage decodes all but its first token in one segment", () => {
  const journal = run({ cluster: one, workflows: [lone("w", 0)] });
  const [prefill, decode] = steps(journal);
  expect([prefill!.prefillTokens, prefill!.prefillPairs]).toEqual([1000, 500_500]);
  expect([decode!.steps, decode!.sequences, decode!.contextTokens]).toEqual([99, 1, 1000]);
  expect(decode!.atUs - decode!.startUs).toBe(Math.round(decodeStepsUs(rates, 1, 1000, 99)));
});

test("stages decode side by side, and the batch shrinks as they end", () => {
  const short = { output: { estimate: 10, actual: 11, limit: 400 } };
  const journal = run({ cluster: one, workflows: [lone("long", 0), lone("short", 0, short)] });
  const decodes = steps(journal).filter((step) => step.prefillTokens === 0);
  expect(decodes.map((step) => [step.sequences, step.steps])).toEqual([
    [2, 10],
    [1, 89],
  ]);
});

test("a newcomer joins at the end of the iteration under way", () => {
  const arriveUs = 5_000_000;
  const quick = run({
    cluster: one,
    workflows: [lone("first", 0, { output: { estimate: 800, actual: 800, limit: 900 } }), lone("second", arriveUs)],
  });
  const startUs = firstUs(quick, "share-start", "second/s");
  const iterationUs = decodeStepsUs(rates, 1, 1500, 1);
  expect(startUs).toBeGreaterThanOrEqual(arriveUs);
  expect(startUs - arriveUs).toBeLessThan(iterationUs * 1.1);
});

test("chunked prefill takes the budget and mixes with decoding; whole prefill stops decoding", () => {
  const long = { prompt: [{ kind: "own", tokens: 5000 }] } as const;
  const chunked = steps(run({ cluster: one, workflows: [lone("w", 0, long)] }));
  expect(chunked.slice(0, 3).map((step) => step.prefillTokens)).toEqual([2048, 2048, 904]);
  const whole = cluster("h100", { batching: { ...batched, chunkedPrefill: false } as typeof batched });
  expect(steps(run({ cluster: whole, workflows: [lone("w", 0, long)] }))[0]!.prefillTokens).toBe(5000);
});

test("when KV memory runs out, the last to come gives way and everything still ends", () => {
  // Room for about 3000 tokens: two stages fit as expected, but both write four times what was expected.
  const tight = cluster("h100", { batching: batched, kvBytes: 3000 * 131_072 });
  const change = { output: { estimate: 200, actual: 900, limit: 1000 } };
  const journal = run({ cluster: tight, workflows: [lone("a", 0, change), lone("b", 0, change)] });
  expect(journal.events.filter((event) => event.kind === "share-preempt").map((event) => event.stage)).toEqual(["b/s"]);
  expect(journal.events.filter((event) => event.kind === "workflow-end").length).toBe(2);
  for (const step of steps(journal)) expect(step.contextTokens + step.sequences * step.steps).toBeLessThanOrEqual(3000);
});

test("a prefill engine hands KV over to a decode engine, one after another", () => {
  const pair = cluster("h100 h100", { batching: batched });
  const [first, second] = pair.engines;
  const machines = {
    ...pair,
    engines: [
      { ...first!, role: "prefill" as const },
      { ...second!, role: "decode" as const },
    ],
  };
  const journal = run({ cluster: machines, workflows: [lone("a", 0), lone("b", 0)] });
  const sent = journal.events.filter((event) => event.kind === "kv-transfer-start");
  expect(sent.map((event) => [event.engine, event.to])).toEqual([
    ["engine-0", "engine-1"],
    ["engine-0", "engine-1"],
  ]);
  expect(sent[1]!.waitUs).toBe(sent[0]!.durationUs);
  expect(journal.events.filter((event) => event.kind === "decode-end").map((event) => event.engine)).toEqual([
    "engine-1",
    "engine-1",
  ]);
  expect(journal.events.filter((event) => event.kind === "workflow-end").length).toBe(2);
});

test("an engine with one model drains before it takes up another", () => {
  const journal = run({ cluster: one, workflows: [dag("a, b", (id) => (id === "b" ? { model: "phi-4-14.7b" } : {}))] });
  expect(firstUs(journal, "stage-end", "w/a")).toBeLessThanOrEqual(
    journal.events.filter((event) => event.kind === "model-load-start")[1]!.atUs,
  );
});

test("items never set aside more KV memory than there is, however they divide", () => {
  const tight = cluster("h100", { batching: { kind: "exclusive", maxSequences: 32 }, kvBytes: 2010 * 131_072 });
  const change = { items: 30, output: { estimate: 1000, actual: 1000, limit: 1000 } };
  const starts = run({ cluster: tight, workflows: [lone("w", 0, change)] }).events.filter(
    (event) => event.kind === "share-start",
  );
  expect(starts.map((event) => event.kvTokens <= 2010)).toEqual([true]);
});

test("when all that a batch carries is lost, the engine is free at once", () => {
  const crash = run({
    cluster: cluster("h100 h100", { batching: batched }),
    workflows: [lone("w", 0, { items: 2, output: { estimate: 4000, actual: 4000, limit: 8000 } })],
    faults: { crashEveryUs: 6e6, crashForUs: 1e6 },
    policy: {
      summary: "an item on each engine",
      plan: ({ ready, cluster: engines }) => ({
        decisions: ready.map((stage) => {
          const up = [...engines].filter((engine) => engine.up).map(({ id }) => id);
          const shares =
            up.length === 2 ? up.map((engine) => ({ engine, items: 1 })) : [{ engine: up[0] ?? "engine-0", items: 2 }];
          return { kind: "place", stage: stage.key, shares, rank: 0 };
        }),
      }),
    },
  });
  const down = crash.events.find((event) => event.kind === "engine-down");
  expect(down).toBeDefined();
  const after = crash.events.filter(
    (event) => event.kind === "batch-step" && event.startUs < down!.atUs && event.atUs > down!.atUs,
  );
  expect(after).toEqual([]);
  expect(check(crash)).toEqual([]);
});
