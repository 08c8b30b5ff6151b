import { expect, test } from "vitest";
import { createCostModel } from "../../src/cost/cost-model.ts";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import { knownModels } from "../../src/catalogue/models.ts";
import type { StagePlace } from "../../src/model/event.ts";
import { sumTerms } from "../../src/model/decision.ts";
import { gigabytes } from "../../src/model/units.ts";
import { cluster, dag, firstUs, llm, run } from "../support/build.ts";

test("a stage waits for its slowest parent", () => {
  const journal = run({ workflows: [dag("plan -> draft, check -> merge")] });
  const ends = ["w/draft", "w/check"].map((stage) => firstUs(journal, "stage-end", stage));
  expect(firstUs(journal, "stage-ready", "w/merge")).toBe(Math.max(...ends));
});

test("what was expected at placement is what happens, where nothing is uncertain", () => {
  const machines = cluster("h100 l40s");
  const change = (id: string) => (id === "b" ? { items: 6, output: { estimate: 600, actual: 600, limit: 900 } } : {});
  const journal = run({ cluster: machines, workflows: [dag("a -> b -> c", change)] });
  for (const event of journal.events) {
    if (event.kind !== "stage-place") continue;
    const [share] = event.shares;
    expect(firstUs(journal, "stage-end", event.stage) - event.atUs).toBe(sumTerms(share!.cost));
  }
});

test("a second stage of the same model needs no load, one of another model does", () => {
  const machines = cluster("h100");
  const journal = run({
    cluster: machines,
    workflows: [dag("a -> b -> c", (id) => (id === "c" ? { model: "phi-4-14.7b" } : {}))],
  });
  const loads = journal.events.filter((event) => event.kind === "model-load-start");
  expect(loads.map((event) => event.model)).toEqual(["llama-3.1-8b", "phi-4-14.7b"]);
  const { loadUs } = createCostModel(machines, knownModels, shippedCalibration).engines[0]!.models.get("llama-3.1-8b")!;
  expect(firstUs(journal, "prefill-start", "w/a")).toBe(loadUs);
  expect(journal.events.filter((event) => event.kind === "model-evict").map((event) => event.model)).toEqual([
    "llama-3.1-8b",
  ]);
});

test("several models stay resident where they fit", () => {
  const machines = cluster("h100", { maxResident: 2, kvBytes: gigabytes(8) });
  const change = (id: string) => ({ model: id === "b" ? "phi-4-14.7b" : "llama-3.1-8b" });
  const journal = run({ cluster: machines, workflows: [dag("a -> b -> c", change)] });
  expect(journal.events.filter((event) => event.kind === "model-load-start").length).toBe(2);
  expect(journal.events.filter((event) => event.kind === "model-evict").length).toBe(0);
});

test("a prompt that begins like an earlier one is prefilled only from where it differs", () => {
  const prompt = [
    { kind: "text", key: "system", tokens: 800 },
    { kind: "own", tokens: 200 },
  ] as const;
  const journal = run({ cluster: cluster("h100"), workflows: [dag("a -> b", () => ({ prompt }))] });
  const cached = journal.events.flatMap((event) => (event.kind === "prefill-start" ? [event.cachedTokens] : []));
  expect(cached).toEqual([0, 800]);
});

test("continuing a conversation reuses the prompt and the answer before it", () => {
  const first = llm("first", { output: { estimate: 50, actual: 70, limit: 400 } });
  const second = llm("second", {
    parents: [{ stage: "first", bytes: 300 }],
    prompt: [
      { kind: "text", key: "hello", tokens: 500 },
      { kind: "output", stage: "first" },
      { kind: "own", tokens: 30 },
    ],
  });
  const hello = llm("first", { ...first, prompt: [{ kind: "text", key: "hello", tokens: 500 }] });
  const journal = run({
    cluster: cluster("h100"),
    workflows: [{ id: "w", arrivalUs: 0, reveal: "online", stages: [hello, second] }],
  });
  const prefill = journal.events.filter((event) => event.kind === "prefill-start")[1]!;
  // The answer was 70 tokens long although 50 were expected.
  expect([prefill.promptTokens, prefill.cachedTokens]).toEqual([600, 570]);
});

test("inputs travel one after another on one way", () => {
  const bytes = gigabytes(1);
  const stages = [
    llm("a"),
    llm("b"),
    llm("c", { parents: ["a", "b"].map((stage) => ({ stage, bytes })), allow: { engines: ["engine-1"] } }),
  ];
  const onZero = stages.map((stage) => (stage.id === "c" ? stage : { ...stage, allow: { engines: ["engine-0"] } }));
  const journal = run({ workflows: [{ id: "w", arrivalUs: 0, reveal: "static", stages: onZero }] });
  const transfers = journal.events.filter((event) => event.kind === "transfer-start");
  expect(transfers.map(({ waitUs, durationUs }) => [waitUs, durationUs])).toEqual([
    [0, 100_050],
    [100_050, 100_050],
  ]);
});

test("items divide over shards, and the result is merged where the first one ran", () => {
  const policy = {
    summary: "halves",
    plan: ({ ready }: { ready: readonly { key: string; items: number }[] }) => ({
      decisions: ready.map((stage) => ({
        kind: "place" as const,
        stage: stage.key,
        rank: 0,
        shares: [
          { engine: "engine-1", items: stage.items / 2 },
          { engine: "engine-0", items: stage.items / 2 },
        ],
      })),
    }),
  };
  const journal = run({
    policy,
    workflows: [dag("a", () => ({ items: 8, output: { estimate: 800, actual: 800, limit: 1600 } }))],
  });
  const place = journal.events.find((event): event is StagePlace => event.kind === "stage-place")!;
  expect(place.shares.map((share) => share.items)).toEqual([4, 4]);
  const ends = journal.events.filter((event) => event.kind === "share-end").map((event) => event.atUs);
  const end = journal.events.find((event) => event.kind === "stage-end")!;
  expect([end.atUs, end.host]).toEqual([Math.max(...ends) + 5000, "host-1"]);
});

test("a workflow that no engine can take is given up with the reason", () => {
  const journal = run({ cluster: cluster("l40s"), workflows: [dag("a", () => ({ model: "llama-3.1-70b" }))] });
  expect(journal.events.at(-1)).toMatchObject({ kind: "workflow-abandon", reason: "no-engine" });
});
