/** Complete plans on engines that prefill and decode apart: what they begin, against the rule that they start from. */

import { expect, test } from "vitest";
import { namedCluster } from "../../../src/catalogue/clusters.ts";
import { createHexagent } from "../../../src/policy/agents/hexagent.ts";
import { hexagentDefaults } from "../../../src/policy/agents/settings.ts";
import { createCare } from "../../../src/policy/foresight/pairs/care.ts";
import { canLayPairs } from "../../../src/policy/foresight/pairs/plan/lay.ts";
import { createPlanner } from "../../../src/policy/foresight/pairs/plan/planner.ts";
import { fixedPairs } from "../../../src/policy/foresight/pairs/settings.ts";
import type { PolicyEntry } from "../../../src/policy/policy.ts";
import { policies } from "../../../src/policy/policies.ts";
import { generateWorkload } from "../../../src/trace/generate/generate-workload.ts";
import { lookOnce } from "../../support/look-once.ts";
import { batched, cluster, dag, firstUs, run } from "../../support/build.ts";
import { runPlain } from "../../support/run-plain.ts";

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

test("calls that begin go to other decode engines than the rule's where all are less at risk then", () => {
  const { visits } = fixedPairs.plan;
  const planned = play(visits, "het3", "lats", 6, 20);
  const byRule = play(0, "het3", "lats", 6, 20);
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

/** Two pairs, of which each serves one model. */
function twoPairs() {
  const machines = cluster("h100 h100 h100 h100", { batching: batched });
  const engines = machines.engines.map((engine, index) => {
    const models = [index < 2 ? "llama-3.1-8b" : "qwen2.5-32b"];
    return { ...engine, resident: models, models, role: index % 2 === 0 ? ("prefill" as const) : ("decode" as const) };
  });
  return { ...machines, engines };
}

function call(id: string, arrivalUs: number, model: string, written: number) {
  const sized = () => ({
    model,
    prompt: [{ kind: "own" as const, tokens: 6000 }],
    output: { estimate: written, actual: written, limit: 2 * written },
  });
  return { ...dag("a", sized, { reveal: "online" }), id, arrivalUs, class: "call" };
}

test.for(["hexagent", "foresight"] as const)(
  "%s: a crowd for one model does not hide a less urgent call of another, whose engines are idle",
  (policy) => {
    const crowd = Array.from({ length: 80 }, (_, index) => call(`crowd-${index}`, index * 100, "qwen2.5-32b", 40));
    const workflows = [...crowd, call("other", 400_000, "llama-3.1-8b", 4000)];
    const journal = runPlain({ policy: policies[policy], cluster: twoPairs(), workflows });
    expect(firstUs(journal, "stage-place", "other/a")).toBe(400_000);
  },
);

test("an engine that is down ends no plans for the others", () => {
  const workflows = [call("a", 0, "llama-3.1-8b", 40)];
  const can = lookOnce({ cluster: twoPairs(), workflows }, (view) => {
    const downed = view.cluster.fork();
    Object.assign(downed.change("engine-3"), { up: false, residents: [], foreseen: [] });
    const emptied = view.cluster.fork();
    Object.assign(emptied.change("engine-3"), { residents: [], foreseen: [] });
    return [canLayPairs(view), canLayPairs({ ...view, cluster: downed }), canLayPairs({ ...view, cluster: emptied })];
  });
  expect(can).toEqual([true, true, false]);
});
