import { expect, test } from "vitest";
import { drawExponential, drawInteger, drawLogNormal, drawWeighted } from "../../src/random/distributions.ts";
import { createRng, type Rng } from "../../src/random/rng.ts";

const take = (rng: Rng, count: number): number[] => Array.from({ length: count }, () => rng.next());
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

test("equal seeds and names give equal draws, others do not", () => {
  expect(take(createRng(1, "a"), 5)).toEqual(take(createRng(1, "a"), 5));
  expect(take(createRng(1, "a"), 5)).not.toEqual(take(createRng(2, "a"), 5));
  expect(take(createRng(1, "a"), 5)).not.toEqual(take(createRng(1, "b"), 5));
});

test("the first draws of a seed never change", () => {
  expect(take(createRng(7, "golden"), 3)).toMatchInlineSnapshot(`
    [
      0.6940421993229513,
      0.029313824629592422,
      0.6925286850082556,
    ]
  `);
});

test("drawing from one stream does not move another", () => {
  const left = createRng(1, "root").stream("x");
  const root = createRng(1, "root");
  take(root, 10);
  take(root.stream("y"), 10);
  expect(take(root.stream("x"), 5)).toEqual(take(left, 5));
});

test("draws are uniform: each of 64 cells and each bit of neighbours comes up as often as it should", () => {
  const draws = take(createRng(3, "uniform"), 64_000);
  const cells = Array.from({ length: 64 }, () => 0);
  for (const draw of draws) cells[Math.floor(draw * 64)]! += 1;
  // Chi-square with 63 degrees of freedom: 99.9% of honest generators stay below 103.4.
  const chiSquare = cells.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  expect(chiSquare).toBeLessThan(103.4);
  let correlation = 0;
  for (let index = 1; index < draws.length; index++) correlation += (draws[index]! - 0.5) * (draws[index - 1]! - 0.5);
  expect(Math.abs((correlation / draws.length) * 12)).toBeLessThan(4 / Math.sqrt(draws.length));
});

test("distributions have the moments they promise", () => {
  const rng = createRng(5, "moments");
  const of = (draw: () => number): number[] => Array.from({ length: 40_000 }, draw);
  expect(mean(of(() => drawExponential(rng, 10)))).toBeCloseTo(10, 0);
  const logs = of(() => Math.log(drawLogNormal(rng, 100, 0.5)));
  expect(mean(logs)).toBeCloseTo(Math.log(100), 1);
  expect(Math.sqrt(mean(logs.map((value) => (value - Math.log(100)) ** 2)))).toBeCloseTo(0.5, 1);
  expect(new Set(of(() => drawInteger(rng, 2, 4)))).toEqual(new Set([2, 3, 4]));
  expect(
    mean(
      of(() =>
        drawWeighted(rng, [
          [1, 3],
          [0, 1],
        ]),
      ),
    ),
  ).toBeCloseTo(0.75, 1);
});
