import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { boundsOf } from "../../src/bound/bounds.ts";
import type { Segment, Workflow } from "../../src/model/workflow.ts";
import { cluster, dag, llm, run } from "../support/build.ts";
import { latencies } from "./support.ts";
import { leastOver, oneModel, tinyWorkflow } from "./tiny-worlds.ts";

/** One engine, which has the model: there all is work, and what is cached decides. */
const machines = cluster("h100", { resident: oneModel });

const system: Segment = { kind: "text", key: "system", tokens: 6000 };

function tookUs(workflows: readonly Workflow[], id: string): number {
  return latencies(run({ workflows, cluster: machines, policy: "greedy-finish" })).get(id) ?? Infinity;
}

function coldUs(workflow: Workflow): number {
  const [bound] = boundsOf([workflow], knownModels, machines, { start: "cold", retained: false });
  return bound?.lowerUs ?? Infinity;
}

test("what a stage writes is nobody's to take in before it is read", () => {
  const first = llm("a", { prompt: [system], output: { estimate: 400, actual: 400, limit: 400 } });
  const prompt: readonly Segment[] = [system, { kind: "output", stage: "a" }, { kind: "own", tokens: 500 }];
  const workflow = dag("a", undefined, {
    stages: [first, llm("b", { parents: [{ stage: "a", bytes: 10 }], prompt })],
  });
  expect(coldUs(workflow)).toBeLessThanOrEqual(tookUs([workflow], "w"));
  expect(coldUs(workflow)).toBeGreaterThan(0.999 * tookUs([workflow], "w"));
});

test("one of the stages that begin alike takes in what they have in common, whichever it is", () => {
  const own = (id: string): Segment => ({ kind: "own", tokens: id === "a" ? 9000 : 10 });
  const workflow = dag("a, b, c", (id) => ({ prompt: [system, own(id)] }));
  const bestUs = leastOver(workflow, machines, (endUs) => Math.max(endUs("a"), endUs("b"), endUs("c")));
  expect(coldUs(workflow)).toBeLessThanOrEqual(bestUs);
  const apart = dag("a, b, c", (id) => ({ prompt: [{ ...system, key: id }, own(id)] }));
  expect(coldUs(apart)).toBeGreaterThan(1.05 * coldUs(workflow));
  expect(coldUs(workflow)).toBeGreaterThan(0.98 * bestUs);
});

test("what prompts of other workflows begin with may be there already, and nothing else", () => {
  const workflows = ["w", "v"].map((id, index) =>
    dag("a", () => ({ prompt: [system, { kind: "own", tokens: 10 }] }), { id, arrivalUs: index * 10_000_000 }),
  );
  const [, later] = boundsOf(workflows, knownModels, machines, { retained: false });
  expect(later?.lowerUs).toBe(tookUs(workflows, "v"));
  const [alone] = boundsOf(workflows.slice(1), knownModels, machines, { retained: false });
  expect(alone?.lowerUs).toBe(tookUs(workflows.slice(1), "v"));
  expect(alone?.lowerUs).toBeGreaterThan(1.2 * (later?.lowerUs ?? Infinity));
});

test("no order of stages on one engine ends before their bound, and some end with it", () => {
  let exact = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const workflow = tinyWorkflow(seed, "w", 5, oneModel);
    const bestUs = leastOver(workflow, machines, (endUs) => Math.max(...workflow.stages.map(({ id }) => endUs(id))));
    const lowerUs = coldUs(workflow);
    expect({ seed, lowerUs }).toEqual({ seed, lowerUs: Math.min(lowerUs, bestUs) });
    // Work is rounded down by a millionth.
    if (lowerUs >= bestUs - 1 - bestUs / 1e6) exact += 1;
  }
  expect(exact).toBeGreaterThan(2);
});
