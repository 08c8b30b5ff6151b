/** Random small falsifications of what is special to engines that admit by step: most break a law, and those that do not could have happened. */

import { describe, expect, test } from "vitest";
import { portionOf } from "../support/portion.ts";
import { sweep } from "./sweep.ts";
import { wildAgentRuns } from "./wild-agents.ts";

/**
 * As for the other runs; and ranks that climb in another way where that changes no order, what is expected of a decode engine,
 * who may overtake and does not, and plans that change nothing.
 */
const loose =
  /^(engine-(slow|up|down)\.|decision-reject\.|stage-place\.(rank|climb|overtakes)|prefix-retain\.|stage-lost\.atUs|stage-end\.outputTokens|stage-redirect\.decodeUs|plan\.atUs)/;

describe.each(Object.entries(wildAgentRuns))("%s", (_name, make) => {
  test("most are caught, and all where nothing has room", () => {
    const { tried, caught, missed } = sweep(make(2, 8), 1, portionOf(90));
    expect([...missed.keys()].filter((field) => !loose.test(field))).toEqual([]);
    expect(caught / tried).toBeGreaterThan(0.85);
  });
});
