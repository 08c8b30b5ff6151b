import { expect, test } from "vitest";
import { parseSeeds } from "../../src/cli/parse-seeds.ts";

test("seeds are numbers, ranges, and both", () => {
  expect(parseSeeds("7")).toEqual([7]);
  expect(parseSeeds("1-4, 9,2")).toEqual([1, 2, 3, 4, 9]);
});

test.each(["", "a", "4-1", "1-", "-3", "1-99999999", "1.5"])("%j is no list of seeds", (text) => {
  expect(() => parseSeeds(text)).toThrow("expected seeds such as 7, 1-8 or 1-4,9");
});
