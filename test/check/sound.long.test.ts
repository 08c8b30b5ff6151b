/** Wild runs by the hundred: random placements, shards, pairs, prefetches and faults, held against every law. */

import { expect, test } from "vitest";
import { check } from "../../src/check/check.ts";
import { wildRuns } from "./wild.ts";

const seeds = Array.from({ length: 80 }, (_, index) => index);

test.each(Object.entries(wildRuns))("%s engines, 80 seeds", (_name, make) => {
  const broken = seeds.flatMap((seed) => {
    const [first] = check(make(seed));
    return first === undefined ? [] : { seed, ...first };
  });
  expect(broken).toEqual([]);
});
