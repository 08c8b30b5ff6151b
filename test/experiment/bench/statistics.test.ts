import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPooledQuantile } from "../../../src/experiment/bench/pooled-quantile.ts";
import {
  differenceOfMeans,
  differenceOfP95,
  meanRatio,
  p95OfRatios,
  pairUp,
  pooledP95Ratio,
  winRate,
  type Runs,
} from "../../../src/experiment/bench/statistics.ts";
import { nearestRank, sortNumbers } from "../../../src/measure/statistics.ts";

const runs = (policy: string, ...latenciesUs: readonly (readonly (number | null)[])[]): Runs => ({
  policy,
  latenciesUs,
});

/** Two seeds of three workflows. */
const slow = runs("slow", [100, 200, 400], [100, 100, 200]);
const fast = runs("fast", [50, 100, 400], [100, 50, 300]);

describe("by hand", () => {
  const pairing = pairUp(fast, slow);

  test("the mean ratio is the mean over seeds of the mean over workflows", () => {
    // Seed 1: (.5 + .5 + 1) / 3 = 2/3; seed 2: (1 + .5 + 1.5) / 3 = 1. t(1) at 97.5% is 12.706.
    const { mean, low, high } = meanRatio(pairing);
    expect(mean).toBeCloseTo(5 / 6, 12);
    expect(high - mean).toBeCloseTo(12.706 * (1 / 6), 3);
    expect(mean - low).toBeCloseTo(high - mean, 12);
  });

  test("wins count ties half", () => {
    // Less three times, the same twice, more once.
    expect(winRate(pairing)).toBe(4 / 6);
    expect(winRate(pairUp(slow, fast))).toBe(2 / 6);
  });

  test("P95 is pooled over seeds before it is divided", () => {
    expect(pooledP95Ratio(pairing, "x").mean).toBe(400 / 400);
    expect(p95OfRatios(pairing)).toBe(1.5);
    const { low, high } = pooledP95Ratio(pairing, "x");
    // Either seed twice, or both: 400/400, 300/200.
    expect([low, high]).toEqual([1, 1.5]);
  });

  test("differences are relative, and judged by their interval", () => {
    const self = differenceOfMeans(pairing, pairUp(slow, slow));
    expect(self.mean).toBeCloseTo(-1 / 6, 12);
    expect(self.verdict).toBe("tie");
    const tenth = runs("tenth", [10, 20, 40], [10, 10, 20]);
    expect(differenceOfMeans(pairUp(tenth, slow), pairUp(slow, slow))).toEqual({
      mean: -0.9,
      low: -0.9,
      high: -0.9,
      verdict: "less",
    });
    expect(differenceOfP95(pairUp(tenth, slow), "x")).toMatchObject({ mean: -0.9, verdict: "less" });
    expect(differenceOfP95(pairUp(slow, tenth), "x").verdict).toBe("more");
  });

  test("one seed gives no interval", () => {
    const one = pairUp(runs("a", [1, 2]), runs("b", [2, 2]));
    expect(differenceOfMeans(one, one).verdict).toBe("open");
    expect(differenceOfP95(one, "x").verdict).toBe("open");
  });

  test("workflows that one of both abandoned are left out of both", () => {
    const { own, other, ratios } = pairUp(runs("a", [1, null, 3]), runs("b", [2, 2, null]));
    expect({ own, other, ratios }).toEqual({ own: [[1]], other: [[2]], ratios: [[0.5]] });
  });
});

test("equal arguments give equal intervals", () => {
  const latencyUs = (seed: number, index: number): number => ((seed * 37 + index * 11) % 53) + 1;
  const many = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => [1, 2, 3, 4, 5, 6, 7].map((index) => latencyUs(seed, index)));
  const pairing = pairUp(runs("a", ...many), runs("b", ...many.toReversed()));
  expect(pooledP95Ratio(pairing, "x")).toEqual(pooledP95Ratio(pairing, "x"));
  expect(pooledP95Ratio(pairing, "x").mean).toBe(pooledP95Ratio(pairing, "y").mean);
});

test("the pooled quantile is the nearest rank of the pooled values", () => {
  const groups = fc.array(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 8 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(groups, fc.infiniteStream(fc.integer({ min: 0, max: 3 })), (values, stream) => {
      const counts = values.map(() => stream.next().value as number);
      const pooled = values.flatMap((group, index) => Array.from({ length: counts[index] ?? 0 }, () => group).flat());
      expect(createPooledQuantile(values, 0.95)(counts)).toBe(nearestRank(sortNumbers(pooled), 0.95));
    }),
    { numRuns: 200 },
  );
});
