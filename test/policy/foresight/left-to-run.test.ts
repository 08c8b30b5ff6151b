/** How much longer what runs is expected to take. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { leftUs } from "../../../src/policy/foresight/left-to-run.ts";

test("without spread it takes what was expected, and what is overdue as long again as it is overdue", () => {
  expect(leftUs(100, 0, 0)).toBe(100);
  expect(leftUs(100, 30, 0)).toBe(70);
  expect(leftUs(100, 130, 0)).toBe(30);
});

test("with spread it is the mean of what is left of a log-normal, summed up by hand", () => {
  for (const elapsed of [20, 60, 100, 150, 300]) {
    let weight = 0;
    let sum = 0;
    for (let z = -6; z < 6; z += 0.0005) {
      const total = 100 * Math.exp(0.4 * z);
      if (total <= elapsed) continue;
      const density = Math.exp((-z * z) / 2);
      weight += density;
      sum += density * (total - elapsed);
    }
    expect(leftUs(100, elapsed, 0.4) / (sum / weight)).toBeCloseTo(1, 2);
  }
});

test("it is finite and never negative, however long it has taken", () => {
  const us = fc.double({ min: 0, max: 1e12, noNaN: true });
  fc.assert(
    fc.property(us, us, fc.constantFrom(0, 0.1, 0.4, 1), (median, elapsed, spread) => {
      const left = leftUs(median, elapsed, spread);
      expect(Number.isFinite(left) && left >= 0).toBe(true);
    }),
    { numRuns: 200, seed: 1 },
  );
});
