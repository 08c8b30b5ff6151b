import { expect, test } from "vitest";
import { gigabytes } from "../../../src/model/units.ts";
import type { Decision } from "../../../src/model/decision.ts";
import { stepsToExecution } from "../../../src/policy/kvflow/steps.ts";
import { policies } from "../../../src/policy/policies.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { cluster, dag, firstUs, llm } from "../../support/build.ts";
import { enginesOf } from "../../support/placements.ts";
import { runPlain } from "../../support/run-plain.ts";

const after = (...stages: readonly string[]) => ({ parents: stages.map((stage) => ({ stage, bytes: 4000 })) });
const modelOf = { l: "llama-3.1-8b", p: "phi-4-14.7b", q: "qwen2.5-32b" };
const byName = (id: string) => ({ model: modelOf[id.slice(0, 1) as keyof typeof modelOf] });

/** The policy, with all it decided written down. */
function spy(decisions: Decision[], look: (view: Parameters<Policy>[0]) => void = () => {}) {
  const plan: Policy = (view) => {
    look(view);
    const planned = policies.kvflow.plan(view);
    decisions.push(...planned.decisions);
    return planned;
  };
  return { ...policies.kvflow, plan };
}

test("steps count what must end first: 0 for what is ready, one more than the farthest parent", () => {
  const stages = [llm("a"), llm("b", after("a")), llm("c", after("a", "b")), llm("d", after("c"))];
  const seen: unknown[] = [];
  const policy = spy([], (view) => {
    for (const flow of view.workflows.open.values())
      seen.push([...stepsToExecution(flow)].map(([{ stage }, away]) => `${stage.id}${away}`).join(" "));
  });
  runPlain({ policy, workflows: [{ id: "w", arrivalUs: 0, reveal: "static", stages }], cluster: cluster("h100") });
  expect([...new Set(seen)]).toEqual(["a0 b1 c2 d3", "b0 c1 d2", "c0 d1", "d0"]);
});

test("the model of the next step is loaded on an idle engine while its parent runs", () => {
  const options = { workflows: [dag("l -> p", byName)], cluster: cluster("h100 h100") };
  const ahead = runPlain({ policy: "kvflow", ...options });
  expect(enginesOf(ahead)).toEqual({ l: [0], p: [1] });
  expect(ahead.events.filter((event) => event.kind === "model-load-start" && event.cause === "prefetch")).toHaveLength(
    1,
  );
  const plain = runPlain({ policy: "greedy-finish", ...options });
  expect(firstUs(ahead, "stage-end", "w/p")).toBeLessThan(firstUs(plain, "stage-end", "w/p"));
});

test("a model that is needed as soon is not given up for a load ahead of need", () => {
  const machines = cluster("h100 h100", { resident: ["llama-3.1-8b"] });
  const prefetched = (drawing: string) =>
    runPlain({ policy: "kvflow", workflows: [dag(drawing, byName)], cluster: machines }).events.flatMap((event) =>
      event.kind === "model-load-start" && event.cause === "prefetch" ? [event.model] : [],
    );
  expect(prefetched("l1 -> p, l2")).toEqual([]);
  expect(prefetched("l1 -> p -> l2")).toEqual([]);
  expect(prefetched("q -> p -> l")).toEqual(["phi-4-14.7b", "llama-3.1-8b"]);
});

test("of two resident models the one that is needed later goes first", () => {
  const resident = ["llama-3.1-8b", "phi-4-14.7b"];
  const machines = cluster("h200", { resident, maxResident: 2, kvBytes: gigabytes(10) });
  for (const [drawing, victims] of [
    ["q -> p -> l", ["llama-3.1-8b", "phi-4-14.7b"]],
    ["q -> l -> p", ["phi-4-14.7b", "llama-3.1-8b"]],
  ] as const) {
    const decisions: Decision[] = [];
    runPlain({ policy: spy(decisions), workflows: [dag(drawing, byName)], cluster: machines });
    expect(decisions.find((decision) => decision.kind === "place")).toMatchObject({ stage: "w/q", victims });
  }
});

test("a cached prefix of the next step is kept until that step should be over, and asked for once", () => {
  const shared = () => ({ prompt: [{ kind: "text" as const, key: "rules", tokens: 2000 }] });
  const decisions: Decision[] = [];
  const workflows = [dag("a -> b -> c", shared), { ...dag("d"), id: "x", arrivalUs: 1 }];
  runPlain({ policy: spy(decisions), workflows, cluster: cluster("h100", { resident: ["llama-3.1-8b"] }) });
  const kept = decisions.flatMap((decision) => (decision.kind === "retain" ? [decision.engine] : []));
  expect(kept).toEqual(["engine-0"]);
});
