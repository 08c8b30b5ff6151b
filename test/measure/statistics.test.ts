import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bootstrapInterval, isTie, meanInterval, pairedInterval } from "../../src/measure/interval.ts";
import { nearestRank, summarise, toEcdf } from "../../src/measure/statistics.ts";
import { studentBelow, studentQuantile } from "../../src/measure/student.ts";
import { createRng } from "../../src/random/rng.ts";

const numbers = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 60 });

describe("quantiles", () => {
  test("of a hundred values are the values at their rank", () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(summarise(values)).toEqual({ count: 100, mean: 50.5, p50: 50, p95: 95, p99: 99, max: 100 });
  });

  test("of few values are always among them", () => {
    expect(summarise([7, 1, 3])).toMatchObject({ p50: 3, p95: 7, p99: 7 });
    expect(summarise([4])).toEqual({ count: 1, mean: 4, p50: 4, p95: 4, p99: 4, max: 4 });
    expect(summarise([])).toEqual({ count: 0, mean: 0, p50: 0, p95: 0, p99: 0, max: 0 });
  });

  test("0.95 of 20 is the 19th, though the product is a hair more than 19", () => {
    expect(
      nearestRank(
        Array.from({ length: 20 }, (_, index) => index + 1),
        0.95,
      ),
    ).toBe(19);
  });

  test("are the smallest value that enough values do not exceed", () => {
    const share = fc.integer({ min: 1, max: 100 });
    fc.assert(
      fc.property(numbers, share, (values, percent) => {
        const sorted = values.toSorted((left, right) => left - right);
        const quantile = nearestRank(sorted, percent / 100);
        const enough = (value: number): boolean =>
          sorted.filter((other) => other <= value).length * 100 >= percent * sorted.length;
        expect(sorted.find(enough)).toBe(quantile);
      }),
    );
  });

  test("an ECDF has a point for each distinct value and ends at 1", () => {
    expect(toEcdf([2, 1, 2, 4])).toEqual([
      { value: 1, share: 0.25 },
      { value: 2, share: 0.75 },
      { value: 4, share: 1 },
    ]);
  });
});

describe("Student's t", () => {
  // 97.5% quantiles as in any table.
  test.each([
    [1, 12.706205],
    [2, 4.302653],
    [4, 2.776445],
    [9, 2.262157],
    [19, 2.093024],
    [30, 2.042272],
    [120, 1.97993],
    [1000, 1.962339],
  ])("with %i degrees of freedom", (degrees, value) => {
    expect(studentQuantile(0.975, degrees)).toBeCloseTo(value, 5);
    expect(studentQuantile(0.025, degrees)).toBeCloseTo(-value, 5);
  });

  test("quantile and distribution undo each other", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0.501, max: 0.9995, noNaN: true }),
        (degrees, share) => {
          expect(studentBelow(studentQuantile(share, degrees), degrees)).toBeCloseTo(share, 9);
        },
      ),
    );
  });
});

describe("intervals", () => {
  test("of a mean, by hand", () => {
    const { mean, low, high } = meanInterval([1, 2, 3, 4, 5]);
    expect(mean).toBe(3);
    expect(high - 3).toBeCloseTo(2.776445 * Math.sqrt(2.5 / 5), 5);
    expect(3 - low).toBeCloseTo(high - 3, 12);
  });

  test("of one sample is unbounded", () => {
    expect(meanInterval([5])).toEqual({ mean: 5, low: -Infinity, high: Infinity });
  });

  test("pairing takes out what both have in common", () => {
    const baseline = [10, 200, 3000, 40];
    const own = baseline.map((value, index) => value - 1 - index * 0.01);
    expect(pairedInterval(own, baseline).high).toBeLessThan(-0.9);
    expect(isTie(meanInterval(baseline))).toBe(true);
    expect(() => pairedInterval([1], [1, 2])).toThrow("found 1 and 2");
  });

  test("hold the true mean about as often as they say", () => {
    const rng = createRng(1, "intervals");
    let held = 0;
    for (let round = 0; round < 2000; round++) {
      const { low, high } = meanInterval(Array.from({ length: 8 }, () => rng.next() + rng.next()));
      if (low <= 1 && high >= 1) held += 1;
    }
    expect(held / 2000).toBeGreaterThan(0.93);
    expect(held / 2000).toBeLessThan(0.97);
  });

  test("a bootstrap of the mean comes near Student, and is the same for the same draws", () => {
    const samples = Array.from({ length: 50 }, (_, index) => (index * 37) % 50);
    const statistic = (values: readonly number[]): number => summarise(values).mean;
    const draw = (seed: number) => {
      const rng = createRng(seed, "bootstrap");
      return (bound: number): number => rng.below(bound);
    };
    const first = bootstrapInterval(samples, statistic, draw(1));
    const student = meanInterval(samples);
    expect(first).toEqual(bootstrapInterval(samples, statistic, draw(1)));
    expect(Math.abs(first.low - student.low)).toBeLessThan(1);
    expect(Math.abs(first.high - student.high)).toBeLessThan(1);
  });
});
