import { expect, test } from "vitest";
import type { ModelStage, Stage, Workflow } from "../../../src/model/workflow.ts";
import type { Critical } from "../../../src/policy/cpop/critical-path.ts";
import { policies } from "../../../src/policy/policies.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { cluster, dag, llm } from "../../support/build.ts";
import { enginesOf } from "../../support/placements.ts";
import { runPlain } from "../../support/run-plain.ts";

const warm = { resident: ["llama-3.1-8b"] };
const after = (...parents: string[]) => ({ parents: parents.map((stage) => ({ stage, bytes: 4000 })) });
const longer: Partial<ModelStage> = { output: { estimate: 200, actual: 200, limit: 400 } };

function flow(stages: readonly Stage[], rest: Partial<Workflow> = {}): Workflow {
  return { id: "w", arrivalUs: 0, reveal: "static", stages, ...rest };
}

/** A diamond with a side branch; the critical path is a, c, d. */
const diamond = [llm("a"), llm("b", after("a")), llm("c", { ...after("a"), ...longer }), llm("d", after("b", "c"))];

test("the path goes along the longest branch, and every stage of it has its whole length as priority", () => {
  let first: Critical | undefined;
  const policy: PolicyEntry = {
    ...policies.cpop,
    plan: (view) => {
      const plan = policies.cpop.plan(view);
      first ??= (plan.memory as Record<string, Critical>)["w"];
      return plan;
    },
  };
  runPlain({ policy, workflows: [flow(diamond)], cluster: cluster("h100 h100", warm) });
  expect(first?.path).toEqual(["w/a", "w/c", "w/d"]);
  expect(first?.engine).toBe("engine-0");
  const priorities = first?.priorities ?? {};
  expect(new Set(["w/a", "w/c", "w/d"].map((key) => priorities[key])).size).toBe(1);
  expect(priorities["w/b"]).toBeLessThan(priorities["w/a"] ?? 0);
});

test("the path stays on one engine, and what is beside it goes where it ends first", () => {
  const journal = runPlain({ policy: "cpop", workflows: [flow(diamond)], cluster: cluster("h100 h100", warm) });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [1], c: [0], d: [0] });
});

test("the path goes to the engine that is through with it first, loads included", () => {
  const stages = [llm("a"), llm("b", after("a"))];
  const cold = cluster("h100 h100");
  const half = { ...cold, engines: cold.engines.map((each, index) => (index === 1 ? { ...each, ...warm } : each)) };
  const run = (machines: typeof cold) =>
    enginesOf(runPlain({ policy: "cpop", workflows: [flow(stages)], cluster: machines }));
  expect(run(half)).toEqual({ a: [1], b: [1] });
  expect(run(cluster("l40s h100", warm))).toEqual({ a: [1], b: [1] });
});

test("a second path keeps clear of the engine that was promised to the first", () => {
  const workflows = [dag("a1 -> a2 -> a3"), { ...dag("b1 -> b2 -> b3"), id: "x", arrivalUs: 1 }];
  const journal = runPlain({ policy: "cpop", workflows, cluster: cluster("h100 h100", warm) });
  expect(enginesOf(journal)).toEqual({ a1: [0], a2: [0], a3: [0], b1: [1], b2: [1], b3: [1] });
});

test("a stage of the path that its engine cannot hold goes elsewhere", () => {
  const stages = [llm("a"), llm("b", { ...after("a"), allow: { engines: ["engine-1"] } }), llm("c", after("b"))];
  const machines = cluster("h100 h100", warm);
  const tied = stages.map((stage) => (stage.id === "b" ? stage : { ...stage, allow: { engines: ["engine-0"] } }));
  expect(enginesOf(runPlain({ policy: "cpop", workflows: [flow(stages)], cluster: machines }))).toEqual({
    a: [1],
    b: [1],
    c: [1],
  });
  expect(enginesOf(runPlain({ policy: "cpop", workflows: [flow(tied)], cluster: machines }))).toEqual({
    a: [0],
    b: [1],
    c: [0],
  });
});

test("a path whose engine goes down is given another one", () => {
  /** Sees the first engine down from the second plan on. */
  const policy: PolicyEntry = {
    ...policies.cpop,
    plan: (view) => {
      const seen = view.cluster.fork();
      if (view.nowUs > 0) seen.change("engine-0").up = false;
      return policies.cpop.plan({ ...view, cluster: seen });
    },
  };
  const journal = runPlain({ policy, workflows: [dag("a -> b -> c")], cluster: cluster("h100 h100", warm) });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [1], c: [1] });
});
