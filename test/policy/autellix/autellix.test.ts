import { expect, test } from "vitest";
import { policies } from "../../../src/policy/policies.ts";
import { cluster, dag, llm } from "../../support/build.ts";
import { enginesOf } from "../../support/placements.ts";
import { runPlain } from "../../support/run-plain.ts";

const warm = { resident: ["llama-3.1-8b"] };
const after = (...stages: readonly string[]) => ({ parents: stages.map((stage) => ({ stage, bytes: 4000 })) });
const long = { prompt: [{ kind: "own" as const, tokens: 30_000 }] };

function startsOf(journal: ReturnType<typeof runPlain>): string[] {
  return journal.events.flatMap((event) => (event.kind === "share-start" ? [event.stage] : []));
}

test("plas puts the workflow that had least service first, atlas the call with the shortest chain behind it", () => {
  // While `y/f` runs, `w/c` (two calls served, a chain of one) and `x/e` (one and one) wait; `w/c` waits longer.
  const stages = [llm("a"), llm("b"), llm("c", after("a", "b"))];
  const first = { id: "w", arrivalUs: 0, reveal: "static" as const, stages };
  const second = { ...dag("d -> e"), id: "x", arrivalUs: 1 };
  const third = { ...dag("f"), id: "y", arrivalUs: 2 };
  const starts = (policy: "plas" | "atlas") =>
    startsOf(runPlain({ policy, workflows: [first, second, third], cluster: cluster("h100", warm) }));
  expect(starts("plas")).toEqual(["w/a", "w/b", "x/d", "y/f", "x/e", "w/c"]);
  expect(starts("atlas")).toEqual(["w/a", "w/b", "x/d", "y/f", "w/c", "x/e"]);
});

test("long calls go to the home engine of their workflow, short ones where they can begin first", () => {
  for (const policy of ["plas", "atlas"] as const) {
    const flow = (size: object) => dag("a -> b, c", (id) => (id === "a" ? {} : size));
    const placed = (size: object) =>
      enginesOf(runPlain({ policy, workflows: [flow(size)], cluster: cluster("h100 h100", warm) }));
    expect({ policy, ...placed({}) }).toEqual({ policy, a: [0], b: [0], c: [1] });
    expect({ policy, ...placed(long) }).toEqual({ policy, a: [0], b: [0], c: [0] });
  }
});

test("a workflow whose home is down finds another one", () => {
  const plan = (view: Parameters<typeof policies.plas.plan>[0]) => {
    const seen = view.cluster.fork();
    if (view.nowUs > 0) seen.change("engine-0").up = false;
    return policies.plas.plan({ ...view, cluster: seen });
  };
  const workflows = [dag("a -> b -> c", () => long)];
  const journal = runPlain({ policy: { ...policies.plas, plan }, workflows, cluster: cluster("h100 h100", warm) });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [1], c: [1] });
});
