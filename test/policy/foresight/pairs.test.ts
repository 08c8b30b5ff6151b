/** What `foresight` does on engines that prefill and decode apart, against `hexagent` on the same calls. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { createPairs } from "../../../src/policy/foresight/pairs/pairs.ts";
import { fixedPairs, switchingPairs } from "../../../src/policy/foresight/pairs/settings.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { policies } from "../../../src/policy/policies.ts";
import { play, served, type Name } from "./pairs-runs.ts";

test("while calls wait, they wait for the engine that has cached what they begin with", () => {
  const takenIn = (name: Name) =>
    play(name, "homo", "bfcl", 50, 60).reduce(
      (sum, event) => (event.kind === "prefill-start" ? sum + event.promptTokens - event.cachedTokens : sum),
      0,
    );
  expect(takenIn("foresight-roles")).toBeLessThan(0.99 * takenIn("hexagent"));
});

test("a batch of several prompts is short, and where nothing is crowded no longer than it may be", () => {
  const { batchUs } = switchingPairs.care;
  const events = play("foresight-roles", "homo", "bfcl", 40, 40);
  const rounds = new Map<string, number>();
  let several = 0;
  for (const event of events) {
    if (event.kind === "batch-step" && event.prefillTokens > 0) {
      const tookUs = event.atUs - event.startUs;
      if (event.prefillSequences > 1) several += 1;
      // What a batch costs once is not counted in what its prompts add.
      if (event.prefillSequences > 1) expect(tookUs).toBeLessThan(1.5 * batchUs);
      rounds.set(event.engine, (rounds.get(event.engine) ?? 0) + 1);
    }
  }
  expect(several).toBeGreaterThan(0);
  expect(rounds.size).toBeGreaterThan(1);
});

test("a batch is longer where much waits", () => {
  const { care } = fixedPairs;
  const longestUs = (policy: PolicyEntry): number =>
    play(policy, "homo", "mapred", 60, 60).reduce(
      (most, event) =>
        event.kind === "batch-step" && event.prefillSequences > 1 ? Math.max(most, event.atUs - event.startUs) : most,
      0,
    );
  const short = { ...policies.foresight, plan: createPairs({ ...fixedPairs, care: { ...care, waitShare: 0 } }) };
  expect(longestUs(short)).toBeLessThan(1.2 * care.batchUs);
  expect(longestUs(policies["foresight-roles"])).toBeGreaterThan(2 * care.batchUs);
});

test("what a driver cannot carry out is not asked of it", () => {
  const changes = (policy: PolicyEntry) =>
    play(policy, "homo", "mapred", 60, 60).filter(
      ({ kind }) => kind === "role-switch-start" || kind === "stage-redirect",
    ).length;
  for (const policy of [policies.foresight, policies["hexagent+roles"]]) {
    expect(changes(policy)).toBeGreaterThan(0);
    expect(changes(served(policy))).toBe(0);
  }
});

test("every workflow ends, whatever comes, and equal views give equal plans", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("het1", "het3-kv", "qhet"),
      fc.constantFrom("bfcl", "mapred", "mixed", "chat"),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 1e6 }),
      (on, family, rate, seed) => {
        const events = play("foresight", on, family, 5, rate, seed);
        expect(events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(5);
        expect(play("foresight", on, family, 5, rate, seed)).toEqual(events);
      },
    ),
    { numRuns: 4, seed: 1 },
  );
});
