/** What is worked out of open workflows. */

import { expect, test } from "vitest";
import { fateDefaults } from "../../../src/policy/fate/settings.ts";
import { pickFrontier } from "../../../src/policy/fate/frontier.ts";
import { lookOut } from "../../../src/policy/foresight/outlook.ts";
import { dag } from "../../support/build.ts";
import { lookOnce } from "../../support/look-once.ts";

test("work and ranks are those that fate works out, which is told them", () => {
  const workflows = [dag("a -> b, c -> d"), { ...dag("a, b -> c", () => ({ items: 3 })), id: "x" }];
  const { seen, told } = lookOnce({ workflows }, (view) => {
    const { work, ranks } = lookOut(view, undefined);
    return { seen: pickFrontier(view, fateDefaults, undefined), told: { work, ranks } };
  });
  expect(Object.keys(told.ranks)).toEqual(["w", "x"]);
  expect(told).toEqual(seen.memory);
});
