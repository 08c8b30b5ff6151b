import { expect, test } from "vitest";
import { knownModels } from "../../src/catalogue/models.ts";
import { createCostModel } from "../../src/cost/cost-model.ts";
import { kindOf } from "../../src/policy/profile.ts";
import { cluster, dag, firstUs } from "../support/build.ts";
import { enginesOf } from "../support/placements.ts";
import { plainCalibration } from "../support/plain-calibration.ts";
import { runPlain } from "../support/run-plain.ts";

const warm = { resident: ["llama-3.1-8b"] };

test("engines are of one kind that have as many GPUs of one kind", () => {
  const { engines } = createCostModel(cluster("h100 l40s h100"), knownModels, plainCalibration);
  expect(engines.map(kindOf)).toEqual(["1 h100-80g", "1 l40s-48g", "1 h100-80g"]);
});

test("murakkab takes the cheaper kind where that ends nearly as soon, and no other", () => {
  // An l40s takes over three times as long as an h100 here, with a quarter of its memory bandwidth.
  const work = () => ({ prompt: [{ kind: "own" as const, tokens: 12_000 }] });
  const placed = (drawing: string) => {
    const options = { workflows: [dag("a, b, c", work)], cluster: cluster(drawing, warm) };
    return {
      murakkab: enginesOf(runPlain({ policy: "murakkab", ...options })),
      greedy: enginesOf(runPlain({ policy: "greedy-finish", ...options })),
    };
  };
  expect(placed("h100 l40s")).toEqual({
    murakkab: { a: [0], b: [0], c: [1] },
    greedy: { a: [0], b: [0], c: [0] },
  });
});

test("murakkab waits for an engine of its kind that is soon free, and takes the first of two that are", () => {
  const journal = runPlain({ policy: "murakkab", workflows: [dag("a, b, c")], cluster: cluster("h100 h100", warm) });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [1], c: [0] });
  expect(firstUs(journal, "stage-place", "w/c")).toBe(firstUs(journal, "stage-end", "w/a"));
});
