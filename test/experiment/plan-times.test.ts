import { expect, test } from "vitest";
import { createPlanTimes, mergeSteps, stepQuantileMs } from "../../src/experiment/plan-times.ts";

test("quantiles of merged histograms are those of all plans, to 2.5%", () => {
  const [left, right] = [createPlanTimes(), createPlanTimes()];
  for (let plan = 1; plan <= 1000; plan++) (plan % 2 === 0 ? left : right).add(plan / 100);
  const steps = mergeSteps([left.steps(), right.steps()]);
  expect(steps.reduce((sum, [, count]) => sum + count, 0)).toBe(1000);
  for (const [share, ms] of [
    [0.5, 5],
    [0.99, 9.9],
  ] as const) {
    expect(stepQuantileMs(steps, share)).toBeGreaterThan(ms * 0.975);
    expect(stepQuantileMs(steps, share)).toBeLessThan(ms * 1.025);
  }
  expect(stepQuantileMs([], 0.5)).toBe(0);
});
