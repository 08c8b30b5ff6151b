import { expect, test } from "vitest";
import { fitLeastSquares } from "../../src/calibrate/least-squares.ts";

const line = [1, 2, 3, 4, 5, 6].map((x) => ({ x, y: 3 * x + 7 }));

function fitLine(points: readonly { readonly x: number; readonly y: number }[], spread: number) {
  return fitLeastSquares({
    start: [1, 1],
    spread: [spread, spread],
    outlier: 2,
    steepest: 1000,
    rounds: 60,
    residuals: ([slope = 0, offset = 0]) => points.map(({ x, y }) => Math.log((slope * x + offset) / y) / 0.01),
  });
}

test("coefficients that explain everything are found", () => {
  const [slope = 0, offset = 0] = fitLine(line, Infinity);
  expect(slope).toBeCloseTo(3, 2);
  expect(offset).toBeCloseTo(7, 2);
});

test("one wild point moves them little", () => {
  const [slope = 0] = fitLine([...line, { x: 7, y: 2800 }], Infinity);
  expect(Math.abs(slope / 3 - 1)).toBeLessThan(0.05);
});

test("a narrow spread holds them where they start", () => {
  const [slope = 0, offset = 0] = fitLine(line, 1e-6);
  expect(slope).toBeCloseTo(1, 3);
  expect(offset).toBeCloseTo(1, 3);
});
