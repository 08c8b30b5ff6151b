import { describe, expect, test } from "vitest";
import { createRng } from "../../src/random/rng.ts";
import { drawInteger } from "../../src/random/distributions.ts";
import { policies } from "../../src/policy/policies.ts";
import type { View } from "../../src/policy/policy.ts";
import { balanceItems, bestShards, type SplitRule } from "../../src/policy/shards.ts";
import type { EngineState } from "../../src/state/engine-state.ts";
import { cluster, dag } from "../support/build.ts";
import { runPlain } from "../support/run-plain.ts";

test("items divide by speed", () => {
  expect(balanceItems(12, [(items) => items, (items) => items])).toEqual([6, 6]);
  expect(balanceItems(12, [(items) => items, (items) => 2 * items])).toEqual([8, 4]);
  expect(balanceItems(12, [(items) => items, (items) => 3 * items, (items) => 3 * items])).toEqual([8, 2, 2]);
});

test("an engine that must load first takes fewer items, but never none", () => {
  expect(balanceItems(10, [(items) => items, (items) => 4 + items])).toEqual([7, 3]);
  expect(balanceItems(10, [(items) => items, (items) => 100 + items])).toEqual([9, 1]);
});

test("two shares are balanced as well as by trying every split", () => {
  const rng = createRng(1, "shards");
  for (let round = 0; round < 300; round++) {
    const items = drawInteger(rng, 2, 40);
    const ends = [0, 1].map(() => {
      const [fixed, each, waves] = [drawInteger(rng, 0, 30), drawInteger(rng, 1, 5), drawInteger(rng, 1, 4)];
      return (count: number): number => fixed + each * Math.ceil(count / waves);
    });
    const endOf = (counts: readonly number[]): number => Math.max(...ends.map((end, index) => end(counts[index] ?? 0)));
    let least = Infinity;
    for (let first = 1; first < items; first++) least = Math.min(least, endOf([first, items - first]));
    expect({ round, end: endOf(balanceItems(items, ends)) }).toEqual({ round, end: least });
  }
});

describe("the best split", () => {
  const large = () => ({ items: 8, prompt: [{ kind: "own" as const, tokens: 16_000 }] });

  /** Numbers of the engines that take a share, on `l40s h100 h100` of one host. */
  const splitBy = (ruleOf: (engines: readonly EngineState[]) => SplitRule): readonly number[] | undefined => {
    let found: readonly number[] | undefined;
    const plan = (view: View) => {
      const [stage] = view.ready;
      const rule = ruleOf([...view.cluster]);
      if (stage !== undefined)
        found = bestShards(view, stage, 2, rule)?.shares.map(({ engine }) => engine.holding.index);
      return policies["least-loaded"].plan(view);
    };
    const machines = cluster("l40s h100 h100", { resident: ["llama-3.1-8b"], host: "host" });
    runPlain({ policy: { plan, summary: "" }, workflows: [dag("a", large)], cluster: machines });
    return found;
  };

  test("is over the engines that end the whole stage first", () => {
    expect(splitBy(() => ({}))).toEqual([1, 2]);
  });

  test("is led by the engine that it must include", () => {
    expect(splitBy(([slow]) => ({ including: slow as EngineState }))).toEqual([0, 1]);
  });

  test("leaves out what may not join", () => {
    expect(splitBy(([slow, fast]) => ({ including: slow as EngineState, mayJoin: (one) => one !== fast }))).toEqual([
      0, 2,
    ]);
    expect(splitBy(([slow]) => ({ including: slow as EngineState, mayJoin: () => false }))).toBeUndefined();
  });

  test("is led by an engine that the stage may go to", () => {
    const afterUs: SplitRule["afterUs"] = (_, { holding }) => (holding.index === 0 ? 0 : Infinity);
    expect(splitBy(() => ({ afterUs }))).toEqual([0, 1]);
  });
});
