import { expect, test } from "vitest";
import type { Stage, Workflow } from "../../../src/model/workflow.ts";
import { policies } from "../../../src/policy/policies.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { cluster, dag, firstUs, llm } from "../../support/build.ts";
import { enginesOf } from "../../support/placements.ts";
import { runPlain } from "../../support/run-plain.ts";

const warm = { resident: ["llama-3.1-8b"] };

function flow(stages: readonly Stage[], rest: Partial<Workflow> = {}): Workflow {
  return { id: "w", arrivalUs: 0, reveal: "static", stages, ...rest };
}

const after = (stage: string) => ({ parents: [{ stage, bytes: 4000 }] });

test("the stage with the longest path behind it goes first, whichever was revealed first", () => {
  const stages = [llm("short"), llm("long"), llm("next", after("long")), llm("last", after("next"))];
  for (const policy of ["heft", "heft-online"] as const) {
    const journal = runPlain({ policy, workflows: [flow(stages)], cluster: cluster("h100", warm) });
    const started = journal.events.flatMap((event) => (event.kind === "share-start" ? [event.stage] : []));
    expect({ policy, started }).toEqual({ policy, started: ["w/long", "w/next", "w/short", "w/last"] });
  }
});

test("a workflow of one model stays on the engine that has loaded it", () => {
  const options = { workflows: [dag("a -> b, c -> d")], cluster: cluster("h100 h100") };
  expect(enginesOf(runPlain({ policy: "heft", ...options }))).toEqual({ a: [0], b: [0], c: [0], d: [0] });
});

test("branches part where both engines have the model", () => {
  const options = { workflows: [dag("a -> b, c -> d")], cluster: cluster("h100 h100", warm) };
  expect(enginesOf(runPlain({ policy: "heft", ...options }))).toEqual({ a: [0], b: [0], c: [1], d: [1] });
});

test("a second workflow is planned around the first", () => {
  const options = { cluster: cluster("h100 h100", warm) };
  const workflows = [dag("a"), { ...dag("b"), id: "x", arrivalUs: 1 }, { ...dag("c"), id: "y", arrivalUs: 2 }];
  expect(enginesOf(runPlain({ policy: "heft", workflows, ...options }))).toEqual({ a: [0], b: [1], c: [0] });
});

test("a stage waits out a tool, and another workflow goes into the gap", () => {
  const tool: Stage = { id: "tool", kind: "tool", priority: 0, estimateUs: 9e6, actualUs: 9e6, ...after("a") };
  const first = flow([llm("a"), tool, llm("b", after("tool"))]);
  const second = flow([llm("c")], { id: "x", arrivalUs: 1 });
  const options = { workflows: [first, second], cluster: cluster("h100", warm) };
  const journal = runPlain({ policy: "heft", ...options });
  const rankOf = (key: string): number | undefined =>
    journal.events.flatMap((event) => (event.kind === "stage-place" && event.stage === key ? [event.rank] : []))[0];
  expect(rankOf("x/c")).toBeLessThan(rankOf("w/b") ?? 0);
  expect(rankOf("x/c")).toBe(firstUs(journal, "stage-end", "w/a"));
});

test("online, each stage is planned when it appears", () => {
  const workflows = [dag("a -> b, c -> d", () => ({}), { reveal: "online" })];
  const options = { workflows, cluster: cluster("h100 h100", warm) };
  for (const policy of ["heft", "heft-online"] as const)
    expect({ policy, ...enginesOf(runPlain({ policy, ...options })) }).toMatchObject({
      policy,
      a: [0],
      b: [0],
      c: [1],
    });
});

test("when the planned engine is down the rest of the workflow is planned again", () => {
  /** Sees the first engine down from the second plan on. */
  const policy: PolicyEntry = {
    ...policies.heft,
    plan: (view) => {
      const seen = view.cluster.fork();
      if (view.nowUs > 0) seen.change("engine-0").up = false;
      return policies.heft.plan({ ...view, cluster: seen });
    },
  };
  const options = { workflows: [dag("a -> b -> c")], cluster: cluster("h100 h100") };
  expect(enginesOf(runPlain({ policy: "heft", ...options }))).toEqual({ a: [0], b: [0], c: [0] });
  expect(enginesOf(runPlain({ policy, ...options }))).toEqual({ a: [0], b: [1], c: [1] });
});

test("a plan keeps to engines that its inputs can reach", () => {
  const drawn = cluster("h100 h100", {}, { links: [] });
  const first = { ...llm("a"), allow: { engines: ["engine-1"] } };
  const journal = runPlain({
    policy: "heft",
    workflows: [flow([first, llm("b", after("a"))])],
    cluster: drawn,
  });
  expect(enginesOf(journal)).toEqual({ a: [1], b: [1] });
});
