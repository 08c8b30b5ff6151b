import { expect, test } from "vitest";
import { boundOverBest, meanOverBest } from "./brute-force.ts";

test("no order and no placement of many small workflows ends before its bound", () => {
  let equal = 0;
  for (let seed = 1000; seed < 1080; seed++) if (boundOverBest(seed, 5) === 1) equal += 1;
  expect(equal).toBeGreaterThan(1);
});

test("no order and no placement of many workflows that wait for each other has a smaller mean latency than the bound", () => {
  let tight = 0;
  for (let seed = 1000; seed < 1100; seed++) if (meanOverBest(seed).together > 0.85) tight += 1;
  expect(tight).toBeGreaterThan(3);
});
