import { expect, test } from "vitest";
import { divideEngines } from "../../../src/policy/helix/divide.ts";
import { takeTurn, type Credits } from "../../../src/policy/helix/interleave.ts";
import { throughput } from "../../../src/policy/helix/throughput.ts";
import { policies } from "../../../src/policy/policies.ts";
import type { View } from "../../../src/policy/policy.ts";
import { cluster, dag } from "../../support/build.ts";
import { enginesOf } from "../../support/placements.ts";
import { runPlain } from "../../support/run-plain.ts";

const llama = "llama-3.1-8b";
const phi = "phi-4-14.7b";
const qwen = "qwen2.5-32b";

test("turns are taken in proportion to weight, and interleaved", () => {
  let credits: Credits = {};
  const turns = Array.from({ length: 8 }, () => {
    const turn = takeTurn(
      [
        ["a", 5],
        ["b", 2],
        ["c", 1],
      ],
      credits,
    );
    credits = JSON.parse(JSON.stringify(turn?.credits)) as Credits;
    return turn?.id;
  });
  expect(turns.join("")).toBe("abaacaba");
  expect(takeTurn([], {})).toBeUndefined();
});

/** The first view of a run. */
function viewOf(drawing: string): View {
  const seen: View[] = [];
  const plan = (view: View) => {
    seen.push(view);
    return policies["round-robin"].plan(view);
  };
  runPlain({ policy: { plan, summary: "" }, workflows: [dag("a")], cluster: cluster(drawing) });
  return seen[0] as View;
}

test("engines go to models by demand, and an engine that only one model fits on goes to that one", () => {
  const view = viewOf("h100 h100 h100 h100");
  const ids = (division: Record<string, readonly string[]>, model: string) => division[model]?.join(" ");
  const even = divideEngines(view, { [llama]: 10, [phi]: 10 });
  expect([ids(even, llama), ids(even, phi)]).toEqual(["engine-0 engine-2", "engine-1 engine-3"]);
  const uneven = divideEngines(view, { [llama]: 30, [phi]: 10 });
  expect([ids(uneven, llama), ids(uneven, phi)]).toEqual(["engine-0 engine-2 engine-3", "engine-1"]);
  const small = divideEngines(viewOf("h100 l40s"), { [llama]: 30, [qwen]: 10 });
  expect([ids(small, llama), ids(small, qwen)]).toEqual(["engine-1", "engine-0"]);
});

test("a model for which no engine is left shares those that can hold it", () => {
  const division = divideEngines(viewOf("h100"), { [llama]: 30, [phi]: 10 });
  expect(division).toEqual({ [llama]: ["engine-0"], [phi]: ["engine-0"] });
});

test("a model keeps the engines that it has had, where others are no better", () => {
  const before = { [llama]: ["engine-1"], [phi]: ["engine-0"] };
  expect(divideEngines(viewOf("h100 h100 h100"), { [llama]: 10, [phi]: 30 }, before)).toEqual({
    [llama]: ["engine-1"],
    [phi]: ["engine-0", "engine-2"],
  });
});

test("helix deals calls out by throughput, from one plan to the next", () => {
  const view = viewOf("h100 l40s");
  const ratio = throughput(view, "engine-0", llama) / throughput(view, "engine-1", llama);
  expect(Math.round(ratio * 100) / 100).toBe(3.39);
  const journal = runPlain({ policy: "helix", workflows: [dag("a, b, c -> d, e, f")], cluster: cluster("h100 l40s") });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0], c: [1], d: [0], e: [0], f: [0] });
});

test("helix keeps each model on engines of its own, and divides anew for a model that comes later", () => {
  const later = { ...dag("b", () => ({ model: phi })), id: "x", arrivalUs: 1 };
  const last = { ...dag("c, d"), id: "y", arrivalUs: 2 };
  const journal = runPlain({ policy: "helix", workflows: [dag("a"), later, last], cluster: cluster("h100 h100") });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0], c: [1], d: [1] });
});
