import { expect, test } from "vitest";
import type { Segment } from "../../src/model/workflow.ts";
import { createPrefixAffinity, smgDefaults, type PrefixSettings } from "../../src/policy/prefix-affinity.ts";
import type { PolicyEntry } from "../../src/policy/policy.ts";
import { cluster, dag } from "../support/build.ts";
import { enginesOf } from "../support/placements.ts";
import { runPlain } from "../support/run-plain.ts";

const warm = { resident: ["llama-3.1-8b"] };
const machines = cluster("h100 h100 h100", warm);

const text = (key: string, tokens: number): Segment => ({ kind: "text", key, tokens });
const own = (tokens: number): Segment => ({ kind: "own", tokens });

const prefixAffinity = (change: Partial<PrefixSettings> = {}): PolicyEntry => ({
  plan: createPrefixAffinity({ ...smgDefaults, ...change }),
  summary: "prefix-affinity",
});

/** Two stages leave different texts on engines 0 and 1, and then a third one comes that begins like the second. */
function runThird(shared: number, rest: number, policy = prefixAffinity()) {
  const prompts: Record<string, readonly Segment[]> = {
    a: [text("a", 1000)],
    b: [text("b", shared), own(100)],
    c: [text("b", shared), own(rest)],
  };
  const flow = dag("a, b -> c", (id) => ({ prompt: prompts[id] ?? [] }));
  return enginesOf(runPlain({ policy, workflows: [flow], cluster: machines }));
}

test("a stage goes where the most of its prompt is cached", () => {
  expect(runThird(1000, 1000)).toEqual({ a: [0], b: [1], c: [1] });
});

test("too short a match does not count", () => {
  expect(runThird(300, 800)).toEqual({ a: [0], b: [1], c: [0] });
  expect(runThird(300, 800, prefixAffinity({ cacheThreshold: 0.2 }))).toEqual({ a: [0], b: [1], c: [1] });
});

/** After one stage has left its prompt on engine 0, three more come that begin alike. */
function runFan(change: Partial<PrefixSettings>) {
  const flow = dag("a -> b, c, d", () => ({ prompt: [text("shared", 1000), own(10)] }));
  return enginesOf(runPlain({ policy: prefixAffinity(change), workflows: [flow], cluster: machines }));
}

test("the match is followed until loads differ by more than both thresholds", () => {
  expect(runFan({})).toEqual({ a: [0], b: [0], c: [0], d: [0] });
  expect(runFan({ balanceAbsThreshold: 1 })).toEqual({ a: [0], b: [0], c: [0], d: [1] });
  expect(runFan({ balanceAbsThreshold: 0 })).toEqual({ a: [0], b: [0], c: [1], d: [2] });
});

test("a second copy of a model comes up only when loads are uneven", () => {
  const cold = { workflows: [dag("a, b, c")], cluster: cluster("h100 h100") };
  expect(enginesOf(runPlain({ policy: prefixAffinity(), ...cold }))).toEqual({ a: [0], b: [0], c: [0] });
  const keen = prefixAffinity({ balanceAbsThreshold: 1 });
  expect(enginesOf(runPlain({ policy: keen, ...cold }))).toEqual({ a: [0], b: [0], c: [1] });
});
