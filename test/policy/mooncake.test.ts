import { expect, test } from "vitest";
import type { ModelStage } from "../../src/model/workflow.ts";
import { cluster, dag } from "../support/build.ts";
import { enginesOf } from "../support/placements.ts";
import { runPlain } from "../support/run-plain.ts";

const warm = { resident: ["llama-3.1-8b"] };

/** Calls on the same document; `c` comes while the second engine is idle too. */
const reading = (tokens: number) => (): Partial<ModelStage> => ({
  prompt: [
    { kind: "text", key: "document", tokens },
    { kind: "own", tokens: 100 },
  ],
});

test("mooncake goes back to the engine that has the prefix cached", () => {
  const workflows = [dag("a"), { ...dag("b -> c", reading(8000)), id: "x", arrivalUs: 1 }];
  const options = { policy: "mooncake" as const, workflows, cluster: cluster("h100 h100", warm) };
  expect(enginesOf(runPlain(options))).toEqual({ a: [0], b: [1], c: [1] });
});

test("mooncake leaves the cached prefix where the queue takes longer than the prefill", () => {
  const fork = (tokens: number) => dag("a -> b, c", reading(tokens));
  const placed = (tokens: number) =>
    enginesOf(runPlain({ policy: "mooncake", workflows: [fork(tokens)], cluster: cluster("h100 h100", warm) }));
  expect(placed(8000)).toEqual({ a: [0], b: [0], c: [1] });
  expect(placed(60_000)).toEqual({ a: [0], b: [0], c: [0] });
});

test("mooncake looks at the first token, greedy-commit at the last", () => {
  // A first token comes sooner from the idle l40s than after the h100's queue, the last one the other way round.
  const output = { estimate: 400, actual: 400, limit: 400 };
  const options = { workflows: [dag("a, b", () => ({ output }))], cluster: cluster("h100 l40s", warm) };
  expect(enginesOf(runPlain({ policy: "mooncake", ...options }))).toEqual({ a: [0], b: [1] });
  expect(enginesOf(runPlain({ policy: "greedy-commit", ...options }))).toEqual({ a: [0], b: [0] });
});
