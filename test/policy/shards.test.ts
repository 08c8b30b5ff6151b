import { expect, test } from "vitest";
import { createRng } from "../../src/random/rng.ts";
import { drawInteger } from "../../src/random/distributions.ts";
import { balanceItems } from "../../src/policy/shards.ts";

test("items divide by speed", () => {
  expect(balanceItems(12, [(items) => items, (items) => items])).toEqual([6, 6]);
  expect(balanceItems(12, [(items) => items, (items) => 2 * items])).toEqual([8, 4]);
  expect(balanceItems(12, [(items) => items, (items) => 3 * items, (items) => 3 * items])).toEqual([8, 2, 2]);
});

test("an engine that must load first takes fewer items, but never none", () => {
  expect(balanceItems(10, [(items) => items, (items) => 4 + items])).toEqual([7, 3]);
  expect(balanceItems(10, [(items) => items, (items) => 100 + items])).toEqual([9, 1]);
});

test("two shares are balanced as well as by trying every split", () => {
  const rng = createRng(1, "shards");
  for (let round = 0; round < 300; round++) {
    const items = drawInteger(rng, 2, 40);
    const ends = [0, 1].map(() => {
      const [fixed, each, waves] = [drawInteger(rng, 0, 30), drawInteger(rng, 1, 5), drawInteger(rng, 1, 4)];
      return (count: number): number => fixed + each * Math.ceil(count / waves);
    });
    const endOf = (counts: readonly number[]): number => Math.max(...ends.map((end, index) => end(counts[index] ?? 0)));
    let least = Infinity;
    for (let first = 1; first < items; first++) least = Math.min(least, endOf([first, items - first]));
    expect({ round, end: endOf(balanceItems(items, ends)) }).toEqual({ round, end: least });
  }
});
