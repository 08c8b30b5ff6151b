import { expect, test } from "vitest";
import { cluster, dag } from "../support/build.ts";
import { enginesOf } from "../support/placements.ts";
import { runPlain } from "../support/run-plain.ts";

const warm = { resident: ["llama-3.1-8b"] };
const outputs: Record<string, number> = { s: 50, m: 100, l: 400 };

/** Stages of three lengths, told by their first letter. */
const byLength = (id: string) => {
  const tokens = outputs[id.slice(0, 1)] ?? 0;
  return { output: { estimate: tokens, actual: tokens, limit: 400 } };
};

function begun(policy: "min-min" | "max-min" | "greedy-finish", drawing: string, machines = cluster("h100", warm)) {
  const journal = runPlain({ policy, workflows: [dag(drawing, byLength)], cluster: machines });
  return journal.events.flatMap((event) => (event.kind === "share-start" ? [event.stage.slice(2)] : [])).join(" ");
}

test("on one engine min-min takes the shortest first, and max-min the longest", () => {
  expect(begun("greedy-finish", "m, l, s")).toBe("m l s");
  expect(begun("min-min", "m, l, s")).toBe("s m l");
  expect(begun("max-min", "m, l, s")).toBe("l m s");
});

test("equals go in order of reveal", () => {
  for (const policy of ["min-min", "max-min"] as const) expect(begun(policy, "m1, m2, m3")).toBe("m1 m2 m3");
});

test("max-min lets short stages run beside the long one, min-min puts it behind them", () => {
  const options = { workflows: [dag("s1, s2, s3, s4, l", byLength)], cluster: cluster("h100 h100", warm) };
  expect(enginesOf(runPlain({ policy: "max-min", ...options }))).toEqual({
    s1: [1],
    s2: [1],
    s3: [1],
    s4: [1],
    l: [0],
  });
  expect(enginesOf(runPlain({ policy: "min-min", ...options }))).toEqual({
    s1: [0],
    s2: [1],
    s3: [0],
    s4: [1],
    l: [0],
  });
});

test("a stage that joins the model of one placed before it is weighed again", () => {
  const drawn = dag("l1, s1, s2", (id) => ({ ...byLength(id), model: id === "l1" ? "phi-4-14.7b" : "llama-3.1-8b" }));
  const options = { workflows: [drawn], cluster: cluster("h100 h100") };
  expect(enginesOf(runPlain({ policy: "max-min", ...options }))).toEqual({ l1: [0], s1: [1], s2: [1] });
  expect(enginesOf(runPlain({ policy: "min-min", ...options }))).toEqual({ s1: [0], s2: [1], l1: [0] });
});
