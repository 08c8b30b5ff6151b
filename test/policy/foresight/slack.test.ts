/** What a wait for prefill is taken to cost, on views of simulated runs. */

import { expect, test } from "vitest";
import { namedCluster } from "../../../src/catalogue/clusters.ts";
import { createHoldUp } from "../../../src/policy/foresight/pairs/slack.ts";
import type { View } from "../../../src/policy/policy.ts";
import { policies } from "../../../src/policy/policies.ts";
import { generateWorkload } from "../../../src/trace/generate/generate-workload.ts";
import { run } from "../../support/build.ts";

/** Looks at every view in which so many calls wait. */
function watch(family: string, ratePerSecond: number, see: (view: View) => void): void {
  const { workload, models } = generateWorkload({
    families: [family],
    count: 40,
    seed: 5,
    ratePerSecond,
    model: "llama-3.1-70b",
  });
  const policy = {
    ...policies.hexagent,
    plan: (view: View) => {
      if (view.ready.length >= 4) see(view);
      return policies.hexagent.plan(view);
    },
  };
  run({ workflows: workload.workflows, models, cluster: namedCluster("homo")!, policy });
}

const pace = 0.05;

test("a call that is all its workflow has is held up by all that waits", () => {
  let seen = 0;
  watch("bfcl", 200, (view) => {
    seen += 1;
    expect(createHoldUp(view)(10_000, pace)).toBeCloseTo(10_000 / pace, 3);
  });
  expect(seen).toBeGreaterThan(0);
});

test("a reader beside a longer one is not, but never by less where more waits, and never by more than all of it takes", () => {
  let seen = 0;
  let spared = 0;
  watch("mapred", 20, (view) => {
    const holdUpUs = createHoldUp(view);
    seen += 1;
    let beforeUs = 0;
    for (const tokens of [0, 1000, 10_000, 100_000, 1_000_000]) {
      const us = holdUpUs(tokens, pace);
      expect(us).toBeGreaterThanOrEqual(beforeUs);
      expect(us).toBeLessThanOrEqual(tokens / pace + 1e-3);
      beforeUs = us;
    }
    if (holdUpUs(10_000, pace) < 0.7 * (10_000 / pace)) spared += 1;
  });
  expect(seen).toBeGreaterThan(0);
  expect(spared).toBeGreaterThan(0);
});
