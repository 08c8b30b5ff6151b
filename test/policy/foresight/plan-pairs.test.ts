/** Complete plans on engines that prefill and decode apart: what they begin, against the rule that they start from. */

import { expect, test } from "vitest";
import { namedCluster } from "../../../src/catalogue/clusters.ts";
import { createHexagent } from "../../../src/policy/agents/hexagent.ts";
import { hexagentDefaults } from "../../../src/policy/agents/settings.ts";
import { createCare } from "../../../src/policy/foresight/pairs/care.ts";
import { createPlanner } from "../../../src/policy/foresight/pairs/plan/planner.ts";
import { fixedPairs } from "../../../src/policy/foresight/pairs/settings.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { generateWorkload } from "../../../src/trace/generate/generate-workload.ts";
import { run } from "../../support/build.ts";

function play(visits: number | undefined, on: string, family: string, count: number, ratePerSecond: number) {
  const model = on.startsWith("q") ? "qwen3-235b-a22b" : "llama-3.1-70b";
  const { workload, models } = generateWorkload({ families: [family], count, seed: 7, ratePerSecond, model });
  const { history, care, plan } = fixedPairs;
  const planned = visits === undefined ? {} : { plan: createPlanner({ ...plan, fullest: 0, visits }) };
  const policy: PolicyEntry = {
    plan: createHexagent({ ...hexagentDefaults, history, care: createCare(care), ...planned }),
    summary: "calls in order, or a plan",
    whenIdle: true,
  };
  return run({ workflows: workload.workflows, models, cluster: namedCluster(on)!, policy }).events;
}

test.for([
  ["homo", "mapred", 10, 15],
  ["het3-kv", "mapred", 8, 12],
  ["qhet", "bfcl", 14, 40],
] as const)("on %s with %s, a plan that tries nothing begins what the rule begins", ([on, family, count, rate]) => {
  expect(play(0, on, family, count, rate)).toEqual(play(undefined, on, family, count, rate));
});

const decodersOf = (...game: Parameters<typeof play>): readonly string[] =>
  play(...game).flatMap((event) => (event.kind === "stage-place" ? [`${event.stage} ${event.decodeEngine}`] : []));

test("calls that begin go to other decode engines than the rule's where they would wait and all are less at risk then", () => {
  const { visits } = fixedPairs.plan;
  const planned = decodersOf(visits, "het3-kv", "mapred", 32, 40);
  expect(planned.length).toBeGreaterThan(50);
  expect(planned).not.toEqual(decodersOf(0, "het3-kv", "mapred", 32, 40));
});

test("where none would wait to be decoded, the rule alone decides", () => {
  const { visits } = fixedPairs.plan;
  expect(decodersOf(visits, "het3", "mapred", 12, 20)).toEqual(decodersOf(0, "het3", "mapred", 12, 20));
});
