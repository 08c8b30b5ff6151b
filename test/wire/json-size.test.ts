import fc from "fast-check";
import { expect, test } from "vitest";
import { hasMoreThan } from "../../src/wire/json-size.ts";

function sizeOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const entries = Object.entries(value);
  return 1 + (Array.isArray(value) ? 0 : entries.length) + entries.reduce((sum, [, entry]) => sum + sizeOf(entry), 0);
}

test("objects, lists and keys count, and nothing inside texts does", () => {
  const json = fc.jsonValue({ maxDepth: 5 }).map((value) => [value, { '{"[': '\\"{:[' }]);
  fc.assert(
    fc.property(json, (value) => {
      const bytes = Buffer.from(JSON.stringify(value));
      const size = sizeOf(value);
      expect([hasMoreThan(size, bytes), hasMoreThan(size - 1, bytes)]).toEqual([false, true]);
    }),
  );
});

test("what is not JSON is counted as it goes", () => {
  const bytes = (text: string) => Buffer.from(text);
  expect(hasMoreThan(2, bytes("{{{"))).toBe(true);
  expect(hasMoreThan(2, bytes('{{"{{{{'))).toBe(false);
  expect(hasMoreThan(0, bytes('"\\'))).toBe(false);
  expect(hasMoreThan(0, bytes(""))).toBe(false);
});
