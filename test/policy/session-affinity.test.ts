import { expect, test } from "vitest";
import { policies } from "../../src/policy/policies.ts";
import type { PolicyEntry } from "../../src/policy/policy.ts";
import { cluster, dag } from "../support/build.ts";
import { enginesOf } from "../support/placements.ts";
import { runPlain } from "../support/run-plain.ts";

const models = { a: "llama-3.1-8b", b: "phi-4-14.7b" };
const modelOf = (id: string) => ({ model: models[id.slice(0, 1) as keyof typeof models] });
const warm = { resident: ["llama-3.1-8b"] };
const policy = "session-affinity";

test("a workflow's stages gather on one engine where greedy-finish spreads them", () => {
  const options = { workflows: [dag("a -> b, c -> d")], cluster: cluster("h100 h100", warm) };
  expect(enginesOf(runPlain({ policy, ...options }))).toEqual({ a: [0], b: [0], c: [0], d: [0] });
  expect(enginesOf(runPlain({ policy: "greedy-finish", ...options }))).toMatchObject({ b: [0], c: [1] });
});

test("stages that are ready together gather too", () => {
  const options = { workflows: [dag("a, b, c")], cluster: cluster("h100 h100", warm) };
  expect(enginesOf(runPlain({ policy, ...options }))).toEqual({ a: [0], b: [0], c: [0] });
});

test("workflows part, each with its home", () => {
  const workflows = [dag("a1 -> a2 -> a3"), { ...dag("b1 -> b2 -> b3"), id: "x" }];
  const journal = runPlain({ policy, workflows, cluster: cluster("h100 h100", warm) });
  expect(enginesOf(journal)).toEqual({ a1: [0], a2: [0], a3: [0], b1: [1], b2: [1], b3: [1] });
});

test("each model of a workflow has a home of its own", () => {
  const flow = dag("a1, b1 -> b2, a2", modelOf);
  const journal = runPlain({ policy, workflows: [flow], cluster: cluster("h100 h100") });
  expect(enginesOf(journal)).toEqual({ a1: [0], b1: [1], b2: [1], a2: [0] });
});

test("a home that is down is given up for good", () => {
  /** Sees the first engine down in the second plan only. */
  const failing = (): PolicyEntry => {
    let plans = 0;
    return {
      ...policies[policy],
      plan: (view) => {
        const seen = view.cluster.fork();
        if (view.ready.some(({ id }) => id === "b")) plans += 1;
        if (plans === 1) seen.change("engine-0").up = false;
        const plan = policies[policy].plan({ ...view, cluster: seen });
        if (plans === 1) plans += 1;
        return plan;
      },
    };
  };
  const options = { workflows: [dag("a -> b -> c")], cluster: cluster("h100 h100", warm) };
  expect(enginesOf(runPlain({ policy, ...options }))).toEqual({ a: [0], b: [0], c: [0] });
  expect(enginesOf(runPlain({ policy: failing(), ...options }))).toEqual({ a: [0], b: [1], c: [1] });
});

test("a stage that its home may not take goes elsewhere", () => {
  const flow = dag("a -> b", (id) => (id === "b" ? { allow: { engines: ["engine-1"] } } : {}));
  const journal = runPlain({ policy, workflows: [flow], cluster: cluster("h100 h100", warm) });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [1] });
});
