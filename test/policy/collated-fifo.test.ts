import { expect, test } from "vitest";
import type { Workflow } from "../../src/model/workflow.ts";
import { createCollatedFifo } from "../../src/policy/collated-fifo.ts";
import { policies } from "../../src/policy/policies.ts";
import type { PolicyEntry } from "../../src/policy/policy.ts";
import { cluster, dag, llm } from "../support/build.ts";
import { runPlain } from "../support/run-plain.ts";

const models = { a: "llama-3.1-8b", b: "phi-4-14.7b", c: "qwen2.5-7b" };
const modelOf = (id: string) => ({ model: models[id.slice(0, 1) as keyof typeof models] });

/** Stages in the order in which they began. */
function begun(policy: keyof typeof policies | PolicyEntry, workflows: readonly Workflow[]) {
  const { events } = runPlain({ policy, workflows, cluster: cluster("h100") });
  return events.flatMap((event) => (event.kind === "share-start" ? [event.stage.slice(2)] : [])).join(" ");
}

const bounded = (mostOvertakeUs: number): PolicyEntry => ({
  plan: createCollatedFifo({ mostOvertakeUs, mostShards: 1 }),
  summary: "collated-fifo with another bound",
});

test("collated-fifo works A B C A B C off as A A B B C C", () => {
  const flow = dag("a1, b1, c1, a2, b2, c2", modelOf);
  expect(begun("collated-fifo", [flow])).toBe("a1 a2 b1 b2 c1 c2");
});

test("what becomes ready later joins the stages of the loaded model", () => {
  const workflows = [dag("a1, b1", modelOf), { ...dag("a2", modelOf), id: "x", arrivalUs: 1 }];
  expect(begun("collated-fifo", workflows)).toBe("a1 a2 b1");
});

test("a stage is not overtaken by what became ready later than the bound allows", () => {
  const workflows = [
    dag("a1, b1", modelOf),
    { ...dag("a2", modelOf), id: "x", arrivalUs: 1_000_000 },
    { ...dag("a3", modelOf), id: "y", arrivalUs: 1_000_001 },
  ];
  expect(begun(bounded(1_000_000), workflows)).toBe("a1 a2 b1 a3");
  expect(begun(bounded(0), workflows)).toBe("a1 b1 a2 a3");
});

test("the urgent stage goes first, even if its model is not loaded", () => {
  const stages = [llm("a1", modelOf("a")), llm("a2", modelOf("a")), llm("b1", { ...modelOf("b"), priority: 1 })];
  const flow: Workflow = { id: "w", arrivalUs: 0, reveal: "static", stages };
  expect(begun("collated-fifo", [flow])).toBe("b1 a1 a2");
});

test("models that are loaded side by side do not wait for each other", () => {
  const cold = cluster("h100 h100");
  const resident = [[models.a], [models.b]];
  const warm = { ...cold, engines: cold.engines.map((each, index) => ({ ...each, resident: resident[index] ?? [] })) };
  const flow = dag("a1, b1, a2, b2", modelOf);
  const { events } = runPlain({ policy: "collated-fifo", workflows: [flow], cluster: warm });
  const started = events.flatMap((event) => (event.kind === "share-start" ? [event.stage.slice(2)] : []));
  expect(started).toEqual(["a1", "b1", "a2", "b2"]);
  expect(events.filter(({ kind }) => kind === "model-load-start")).toEqual([]);
});
