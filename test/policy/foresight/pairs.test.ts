/** What `foresight` does on engines that prefill and decode apart, against `hexagent` on the same calls. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { namedCluster } from "../../../src/catalogue/clusters.ts";
import type { JournalEvent } from "../../../src/model/event.ts";
import { createPairs } from "../../../src/policy/foresight/pairs/pairs.ts";
import { fixedPairs, switchingPairs } from "../../../src/policy/foresight/pairs/settings.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { policies } from "../../../src/policy/policies.ts";
import { generateWorkload } from "../../../src/trace/generate/generate-workload.ts";
import { run } from "../../support/build.ts";

type Name = "hexagent" | "foresight" | "foresight-roles";

function play(name: Name | PolicyEntry, on: string, family: string, count: number, ratePerSecond: number, seed = 7) {
  const cluster = namedCluster(on)!;
  const model = on.startsWith("q") ? "qwen3-235b-a22b" : "llama-3.1-70b";
  const { workload, models } = generateWorkload({ families: [family], count, seed, ratePerSecond, model });
  return run({
    workflows: workload.workflows,
    models,
    cluster,
    policy: typeof name === "string" ? policies[name] : name,
  }).events;
}

const switches = (events: readonly JournalEvent[]) =>
  events.flatMap((event) => (event.kind === "role-switch-start" ? [`${event.from}>${event.to}`] : []));

function meanEndUs(events: readonly JournalEvent[]): number {
  const ends = events.flatMap((event) => (event.kind === "workflow-end" ? [event.atUs] : []));
  return ends.reduce((sum, us) => sum + us, 0) / ends.length;
}

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

test("where KV memory keeps calls from being decoded, engines that prefill help, and all end sooner", () => {
  const crowded = play("foresight", "het3-kv", "mapred", 32, 12);
  expect(switches(crowded)).toContain("prefill>decode");
  expect(meanEndUs(crowded)).toBeLessThan(meanEndUs(play("hexagent", "het3-kv", "mapred", 32, 12)));
});

test("engines that decode help where prompts wait, but not if roles are to stay", () => {
  expect(switches(play("foresight", "het1", "bfcl", 110, 80))).toContain("decode>prefill");
  expect(switches(play("foresight-roles", "het1", "bfcl", 80, 60))).toEqual([]);
});

test("one engine of four that are meant for prefill decodes too while little is new, the slowest, and all end sooner", () => {
  const switched = (on: string, family: string, count: number, rate: number): readonly string[] =>
    play("foresight", on, family, count, rate).flatMap((event) =>
      event.kind === "role-switch-start" ? [`${event.engine}>${event.to}`] : [],
    );
  expect(switched("qhom", "chat", 60, 6)).toEqual([expect.stringMatching(/^prefill-h100-.>decode$/)]);
  expect(switched("qhet", "bfcl", 60, 8)).toEqual([expect.stringMatching(/^prefill-a100-.>decode$/)]);
  expect(switched("qhom", "mapred", 24, 1.5)).toEqual([]);
  expect(meanEndUs(play("foresight", "qhom", "chat", 60, 6))).toBeLessThan(
    meanEndUs(play("foresight-roles", "qhom", "chat", 60, 6)),
  );
});

test("none helps where calls wait that have time to", () => {
  const events = play("foresight", "het2", "mapred", 30, 5, 101);
  expect(switches(events)).toEqual([]);
  expect(meanEndUs(events)).toBeLessThan(meanEndUs(play("hexagent", "het2", "mapred", 30, 5, 101)));
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
