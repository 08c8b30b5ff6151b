/** Complete plans on engines that prefill and decode apart: what comes of trying calls on other engines. */

import { expect, test } from "vitest";
import { fixedPairs } from "../../../src/policy/foresight/pairs/settings.ts";
import { play, trying } from "./pairs-runs.ts";

test("calls that begin go to other decode engines than the rule's where all are less at risk then", () => {
  const planned = play(trying(fixedPairs.plan.visits), "het3", "lats", 6, 20);
  const byRule = play(trying(0), "het3", "lats", 6, 20);
  const places = (events: typeof planned) => events.flatMap((event) => (event.kind === "stage-place" ? [event] : []));
  const rule = new Map(places(byRule).map(({ stage, decodeEngine }) => [stage, decodeEngine]));
  expect(rule.size).toBeGreaterThan(50);
  const moved = places(planned).find(({ stage, decodeEngine }) => rule.get(stage) !== decodeEngine);
  // Nothing of its workflow that was revealed by then ends later: else the call would have stayed.
  const ended = new Map(planned.flatMap((event) => (event.kind === "stage-end" ? [[event.stage, event.atUs]] : [])));
  const besides = planned.flatMap((event) =>
    event.kind === "stage-reveal" && event.atUs <= moved!.atUs && event.stage.workflow === moved!.stage.split("/")[0]
      ? [ended.get(event.stage.key)!]
      : [],
  );
  expect(besides.length).toBeGreaterThan(1);
  expect(Math.max(...besides)).toBe(ended.get(moved!.stage));
});
