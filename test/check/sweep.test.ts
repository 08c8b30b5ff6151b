/** Random small falsifications of rich journals: most break a law, and those that do not could have happened. */

import { describe, expect, test } from "vitest";
import { portionOf } from "../support/portion.ts";
import { sweep } from "./sweep.ts";
import { wildRuns } from "./wild.ts";

/**
 * Fields that often have room: when an engine that nothing starts on slows down or comes back, ranks that change no order, whose
 * refusal of several it is, a retention that saves nothing, an output whose length rounds to the same for each item.
 */
const loose =
  /^(engine-(slow|up|down)\.|decision-reject\.|stage-place\.rank|prefix-retain\.|stage-lost\.atUs|stage-end\.outputTokens)/;

describe.each(Object.entries(wildRuns))("%s engines", (_name, make) => {
  test("most are caught, and all where nothing has room", () => {
    const { tried, caught, missed } = sweep(make(2, 6), 1, portionOf(70));
    expect([...missed.keys()].filter((field) => !loose.test(field))).toEqual([]);
    expect(caught / tried).toBeGreaterThan(0.85);
  });
});
