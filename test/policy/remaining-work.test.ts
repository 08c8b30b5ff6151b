import { expect, test } from "vitest";
import { policies } from "../../src/policy/policies.ts";
import type { View } from "../../src/policy/policy.ts";
import { createBestWork, remainingWork, type RemainingWork } from "../../src/policy/remaining-work.ts";
import type { Workflow } from "../../src/model/workflow.ts";
import { cluster, dag } from "../support/build.ts";
import { runPlain } from "../support/run-plain.ts";

/** What a plan was told about workflow `w`, in units of the work of stage `a`. */
function watch(workflow: Workflow, names = "h100 l40s") {
  const seen: { readonly left: number; readonly work: RemainingWork }[] = [];
  let unitUs = 0;
  const plan = (view: View) => {
    const before = seen.at(-1)?.work;
    const work = remainingWork(view, before);
    const [first] = view.workflows.open.get("w")?.stages.values() ?? [];
    if (unitUs === 0 && first !== undefined) unitUs = createBestWork(view)(first.stage);
    if (first !== undefined) seen.push({ left: (work["w"]?.leftUs ?? 0) / unitUs, work });
    return policies["least-loaded"].plan(view);
  };
  runPlain({ policy: { plan, summary: "", whenIdle: true }, workflows: [workflow], cluster: cluster(names) });
  return seen;
}

test("a workflow has left what its open stages take on the engine that is best for them", () => {
  const left = watch(dag("a -> b, c -> d")).map((each) => each.left);
  expect([...new Set(left)]).toEqual([4, 3, 2, 1]);
});

test("a slower engine beside the best one changes nothing", () => {
  const last = (names: string) => watch(dag("a -> b"), names)[0]?.work["w"]?.leftUs;
  expect(last("h100 l40s l40s")).toBe(last("h100"));
});

test("of a workflow revealed as it goes, what is revealed counts", () => {
  const left = watch(dag("a -> b, c -> d", () => ({}), { reveal: "online" })).map((each) => each.left);
  expect([...new Set(left)]).toEqual([1, 2]);
});

test("each stage is looked at once, and nothing is added up while nothing ends", () => {
  const seen = watch({ ...dag("a, b -> c") });
  for (const [index, { left, work }] of seen.entries()) {
    const before = seen[index - 1];
    if (before === undefined) continue;
    expect(work["w"]?.stageUs).toBe(before.work["w"]?.stageUs);
    if (left === before.left) expect(work["w"]).toBe(before.work["w"]);
  }
  expect(seen.length).toBeGreaterThan(3);
});

test("a stage that may turn out not to run counts by its chance, and so does what is behind it", () => {
  const branch = (id: string) => (id === "b" ? { branch: { chance: 0.5, runs: true } } : {});
  const left = watch(dag("a -> b -> c", branch)).map((each) => each.left);
  expect([...new Set(left)]).toEqual([2, 1]);
});
