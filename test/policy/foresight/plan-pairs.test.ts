/** Complete plans on engines that prefill and decode apart: what they begin, against the rule that they start from. */

import { expect, test } from "vitest";
import { canLayPairs } from "../../../src/policy/foresight/pairs/plan/lay.ts";
import { policies } from "../../../src/policy/policies.ts";
import { lookOnce } from "../../support/look-once.ts";
import { batched, cluster, dag, firstUs } from "../../support/build.ts";
import { runPlain } from "../../support/run-plain.ts";
import { play, trying } from "./pairs-runs.ts";

test.for([
  ["homo", "mapred", 10, 15],
  ["het3-kv", "mapred", 8, 12],
  ["qhet", "bfcl", 14, 40],
] as const)("on %s with %s, a plan that tries nothing begins what the rule begins", ([on, family, count, rate]) => {
  expect(play(trying(0), on, family, count, rate)).toEqual(play(trying(undefined), on, family, count, rate));
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
