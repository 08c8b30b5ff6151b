/** Costs averaged over engines, of which some were seen to be slower than others of their make. */

import { expect, test } from "vitest";
import { knownModels } from "../../../src/catalogue/models.ts";
import { correctCosts } from "../../../src/cost/correct.ts";
import { createCostModel } from "../../../src/cost/cost-model.ts";
import { bestTimesOf } from "../../../src/policy/agents/best-times.ts";
import { bytesBetween, createMeanCosts } from "../../../src/policy/heft/mean-costs.ts";
import { createBestWork } from "../../../src/policy/remaining-work.ts";
import { cluster, dag } from "../../support/build.ts";
import { lookOnce } from "../../support/look-once.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";

const machines = cluster("h100 h100");
const plain = createCostModel(machines, knownModels, plainCalibration);

/** Of one stage, were one engine seen to be five times slower at its model: on average, and where it is fastest. */
function timesUs(slow?: string): readonly number[] {
  const factors = { load: 1, prefill: 5, decode: 5 };
  const costs = slow === undefined ? plain : correctCosts(plain, plain, slow, "llama-3.1-8b", factors);
  return lookOnce({ workflows: [dag("a")], cluster: machines }, (view) => {
    const [stage] = view.ready;
    const known = { ...view, costs };
    return [createMeanCosts(known).workUs(stage!), createBestWork(known)(stage!), bestTimesOf(costs).ofUs(stage!)];
  });
}

test("what was seen of one engine is not taken for all of its make", () => {
  expect(timesUs()).toEqual([743_655, 743_655, 743_655]);
  for (const slow of ["engine-0", "engine-1"]) expect(timesUs(slow)).toEqual([2_230_964, 743_655, 743_655]);
});

test("a stage with many parents is looked through once, not once for each of them", () => {
  let reads = 0;
  const edge = (index: number) => ({
    bytes: index,
    get stage() {
      reads += 1;
      return `w/p${index}`;
    },
  });
  const base = { workflow: "w", ordinal: 0, priority: 0, kind: "tool", toolUs: 1 } as const;
  const parents = Array.from({ length: 500 }, (_, index) => ({
    ...base,
    key: `w/p${index}`,
    id: `p${index}`,
    parents: [],
  }));
  const child = { ...base, key: "w/c", id: "c", parents: parents.map((_, index) => edge(index)) };
  expect(parents.map((parent) => bytesBetween(parent, child))).toEqual(parents.map((_, index) => index));
  expect(bytesBetween(child, child)).toBe(0);
  expect(reads).toBe(500);
});
