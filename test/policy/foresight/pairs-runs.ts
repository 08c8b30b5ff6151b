/** Agents' workflows on engines that prefill and decode apart, under `foresight` or what it is held against. */

import { namedCluster } from "../../../src/catalogue/clusters.ts";
import { createHexagent } from "../../../src/policy/agents/hexagent.ts";
import { hexagentDefaults } from "../../../src/policy/agents/settings.ts";
import { createCare } from "../../../src/policy/foresight/pairs/care.ts";
import { createPlanner } from "../../../src/policy/foresight/pairs/plan/planner.ts";
import { beyondServers } from "../../../src/gateway/live/carry-out.ts";
import { fixedPairs } from "../../../src/policy/foresight/pairs/settings.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { policies } from "../../../src/policy/policies.ts";
import { generateWorkload } from "../../../src/trace/generate/generate-workload.ts";
import { run } from "../../support/build.ts";

export type Name = "hexagent" | "foresight" | "foresight-roles";

export function play(
  name: Name | PolicyEntry,
  on: string,
  family: string,
  count: number,
  ratePerSecond: number,
  seed = 7,
) {
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

/** Complete plans at every event, which try so many places for calls that begin; without a number, no plans but the rule. */
export function trying(visits: number | undefined): PolicyEntry {
  const { history, care, plan } = fixedPairs;
  const planned = visits === undefined ? {} : { plan: createPlanner({ ...plan, fullest: 0, visits }) };
  return {
    plan: createHexagent({ ...hexagentDefaults, history, care: createCare(care), ...planned }),
    summary: "calls in order, or a plan",
    whenIdle: true,
  };
}

/** As it plans for servers, which keep their roles and are told both engines of a call at once. */
export function served(policy: PolicyEntry): PolicyEntry {
  return { ...policy, plan: (view) => policy.plan({ ...view, cannot: beyondServers }) };
}
