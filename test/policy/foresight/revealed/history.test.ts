/** What is learned of workflows that are revealed call by call, and the futures that are drawn from it. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { drawFuture } from "../../../../src/policy/foresight/revealed/expected.ts";
import { learn, noHistory, stepKey, type History } from "../../../../src/policy/foresight/revealed/history.ts";
import { trailOf } from "../../../../src/policy/foresight/revealed/open-trails.ts";
import { mostClasses } from "../../../../src/policy/by-name.ts";
import type { Policy, View } from "../../../../src/policy/policy.ts";
import { policies } from "../../../../src/policy/policies.ts";
import { batched, cluster, dag, run } from "../../../support/build.ts";
import { plainCalibration } from "../../../support/plain-calibration.ts";

const models = ["llama-3.1-8b", "phi-4-14.7b", "qwen2.5-32b"] as const;

/** Chains of these models, one after another, and what each event showed and what was known by then. */
function watch(
  chains: readonly (readonly number[])[],
  see: (view: View, history: History) => void,
  classOf: (index: number) => string = () => "chain",
): History {
  let history = noHistory;
  const plan: Policy = (view) => {
    history = learn(view, JSON.parse(JSON.stringify(history)) as History);
    see(view, history);
    return policies["greedy-finish"].plan(view);
  };
  const workflows = chains.map((chain, index) => ({
    ...dag(chain.map((_, step) => `s${step}`).join(" -> "), (id) => ({ model: models[chain[Number(id.slice(1))]!]! }), {
      reveal: "online",
    }),
    id: `w${index}`,
    class: classOf(index),
    arrivalUs: index * 200_000_000,
  }));
  const machines = cluster("h100 h100", { host: "host", kvBytes: 4e9, batching: batched });
  run({ cluster: machines, workflows, policy: { plan, summary: "", whenIdle: true }, calibration: plainCalibration });
  return history;
}

test("which model comes after which is counted, the end of a workflow too", () => {
  const { after, calls, arrivals } = watch([[0, 1, 1], [0, 1], [2]], () => {});
  expect(after[stepKey("chain", undefined)]?.next).toEqual({ [models[0]]: 2, [models[2]]: 1 });
  expect(after[stepKey("chain", models[0])]).toMatchObject({ total: 2, over: 0, next: { [models[1]]: 2 } });
  // The last workflow is over when nobody asks any more.
  expect(after[stepKey("chain", models[1])]).toMatchObject({ total: 3, over: 2, next: { [models[1]]: 1 } });
  expect(Object.keys(calls)).toEqual(expect.arrayContaining([...models]));
  expect(arrivals.count).toBe(3);
});

const chains = fc.array(fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 6 });

test("a future is the same whenever it is drawn, holds only models that were called, and nothing before now", () => {
  fc.assert(
    fc.property(chains, (drawn) => {
      let looked = 0;
      watch(drawn, (view, history) => {
        const future = drawFuture(view, history, looked % 4, 120_000_000);
        expect(drawFuture(view, history, looked % 4, 120_000_000)).toEqual(future);
        for (const [index, { model, parent, gapUs }] of future.entries()) {
          expect(history.calls[model]).toBeGreaterThan(0);
          expect(gapUs).toBeGreaterThanOrEqual(0);
          if (parent !== undefined && "position" in parent) expect(parent.position).toBeLessThan(index);
        }
        looked += 1;
      });
      expect(looked).toBeGreaterThan(0);
    }),
    { numRuns: 15 },
  );
});

test("where one model always came after another, every future has it next", () => {
  let seen = 0;
  watch(
    [
      [0, 1],
      [0, 1],
      [0, 1],
      [0, 1],
    ],
    (view, history) => {
      const open = Object.values(history.open).flatMap((bucket) => Object.values(bucket));
      if (history.arrivals.count < 4 || open.length !== 1 || open[0]?.model !== models[0]) return;
      for (const scenario of [0, 1, 2])
        expect(drawFuture(view, history, scenario, 120_000_000)[0]?.model).toBe(models[1]);
      seen += 1;
    },
  );
  expect(seen).toBeGreaterThan(0);
});

test("a class may have any name, and of ever new ones as many are kept as there is room for", () => {
  const odd = ["constructor", "toString", "__proto__", "hasOwnProperty", "constructor", "a\nb"];
  const named = watch(
    odd.map(() => [0, 1]),
    (view, history) => drawFuture(view, history, 0, 120_000_000),
    (index) => odd[index]!,
  );
  expect(Object.entries(named.classes)).toContainEqual(["constructor", 2]);
  expect(named.after[stepKey("constructor", models[0])]).toMatchObject({ total: 2, next: { [models[1]]: 2 } });
  // Every tenth workflow is of a class that comes again and again.
  const many = watch(
    Array.from({ length: 300 }, () => [0]),
    () => {},
    (index) => (index % 10 === 0 ? "usual" : `once-${index}`),
  );
  const { usual, ...others } = many.classes;
  expect(usual).toBe(30);
  expect(Object.keys(others)).toHaveLength(mostClasses - 1);
  expect(others).toHaveProperty("once-299");
  expect(others).not.toHaveProperty("once-1");
  // Of each class its first call, and what came after that.
  expect(Object.keys(many.after)).toHaveLength(2 * mostClasses);
});

test("nothing is counted twice or missed where a world is looked at that does not know what is over", () => {
  type Seen = readonly [step: 0 | 1 | 2, status: "ready" | "running" | "ended", readyUs: number, endedUs?: number];
  const look = (before: History, nowUs: number, ...seen: readonly Seen[]): History => {
    const stages = seen.map(([step, status, readyUs, endedUs = 0]) => {
      const stage = { kind: "llm", model: models[step], ordinal: step, key: `w/${step}`, promptTokens: 10, items: 1 };
      return [`w/${step}`, { stage: { ...stage, outputTokens: 10 }, status, readyUs, endedUs }] as const;
    });
    const workflow = { id: "w", class: "chain", arriveUs: 0, stages: new Map(stages) };
    return learn({ nowUs, workflows: { open: new Map([["w", workflow]]) } } as unknown as View, before);
  };
  const first = look(noHistory, 7, [0, "ended", 0, 5], [1, "running", 7]);
  expect(first.after[stepKey("chain", models[0])]?.gapsUs).toEqual([2]);
  const inThread = look(first, 12, [1, "ended", 7, 9], [2, "ready", 12]);
  expect(inThread.after[stepKey("chain", models[1])]).toEqual({
    total: 1,
    over: 0,
    next: { [models[2]]: 1 },
    gapsUs: [3],
  });
  const again = look(inThread, 13, [0, "ended", 0, 5], [1, "ended", 7, 9], [2, "running", 12]);
  expect(again.after).toEqual(inThread.after);
  expect(trailOf(again.open, "w")?.going).toEqual(["w/2"]);
  const gone = look(again, 20);
  expect(trailOf(gone.open, "w")).toMatchObject({ going: [], endUs: 20 });
});
