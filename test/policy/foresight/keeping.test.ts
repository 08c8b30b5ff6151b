/** Graphs that are planned as a whole beside workflows that show their calls one by one. */

import { expect, test } from "vitest";
import { foresightPolicies } from "../../../src/policy/foresight/ablations.ts";
import { stepKey, type History } from "../../../src/policy/foresight/revealed/history.ts";
import type { Batching } from "../../../src/model/cluster.ts";
import type { Stage } from "../../../src/model/workflow.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { batched, cluster, dag, exclusive, firstUs, run } from "../../support/build.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";

const small = "llama-3.1-8b";
const middle = "phi-4-14.7b";
const large = "qwen2.5-32b";

function pause(id: string, parents: Stage["parents"], priority: number): Stage {
  return { kind: "tool", id, parents, priority, estimateUs: 15e6, actualUs: 15e6 };
}

type Name = keyof typeof foresightPolicies;

/**
 * A session calls the large model again and again, which one engine holds; a graph that runs on the other one, and then one whose model
 * nobody holds. What was evicted, when the last one began, and what was learnt.
 */
function watch(name: Name, reveal: "online" | "static" = "online", batching: Batching = batched) {
  const machines = cluster("h100 h100", { host: "host", kvBytes: 4e9, batching });
  const engines = machines.engines.map((engine, index) => ({ ...engine, resident: [[small], [large]][index]! }));
  const output = { estimate: 300, actual: 300, limit: 800 };
  const chain = dag("a -> t -> b -> u -> c", () => ({ model: large }), { reveal });
  const stages = chain.stages.map(({ id, parents, priority }, index) =>
    "tu".includes(id) ? pause(id, parents, priority) : chain.stages[index]!,
  );
  const session = { ...chain, stages };
  const busy = dag("x", () => ({ model: small, output: { estimate: 600, actual: 600, limit: 800 } }));
  const late = dag("y", () => ({ model: middle, output }));
  let history: History | undefined;
  const plan: Policy = (view) => {
    const made = foresightPolicies[name].plan(view);
    history = (made.memory as { readonly revealed?: { readonly history: History } }).revealed?.history;
    return made;
  };
  const journal = run({
    cluster: { ...machines, engines },
    workflows: [
      { ...session, id: "session", class: "session" },
      { ...busy, id: "busy", arrivalUs: 10_000_000 },
      { ...late, id: "late", arrivalUs: 10_100_000 },
    ],
    policy: { plan, summary: "", whenIdle: true },
    calibration: plainCalibration,
  });
  const evicted = journal.events.flatMap((event) => (event.kind === "model-evict" ? [event.model] : []));
  return { evicted, beginUs: firstUs(journal, "prefill-start", "late/y"), history };
}

for (const batching of [batched, exclusive])
  test(`a model that they call is not pushed out because nothing that is visible calls it: ${batching.kind}`, () => {
    const { evicted, history } = watch("foresight", "online", batching);
    expect(evicted).toEqual([small]);
    expect(history?.after[stepKey("session", large)]).toMatchObject({ next: { [large]: 2 } });
    // To whoever knows no history it is as good as the other one, and is free sooner.
    const without = watch("foresight-residency", "online", batching);
    expect(without.evicted).toContain(large);
  });

test("where all graphs are visible nothing is kept that none of them calls", () => {
  const visible = watch("foresight", "static");
  expect(visible).toMatchObject(watch("foresight-residency", "static"));
  expect(visible.history?.arrivals.count).toBe(0);
});
