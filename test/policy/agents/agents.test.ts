/** Orders, placements and `hexagent`, step by step on states small enough to know the answer; and on pairs, that every law holds. */

import { describe, expect, test } from "vitest";
import { batchingAs } from "../../../src/catalogue/batched-version.ts";
import { namedCluster } from "../../../src/catalogue/clusters.ts";
import { agentPolicies } from "../../../src/policy/agents/entries.ts";
import { learn, noHistory, remainingUs, type History } from "../../../src/policy/agents/history.ts";
import { inOrder, keyAt, orders, type OrderName } from "../../../src/policy/agents/orders.ts";
import { Projection } from "../../../src/policy/agents/projection.ts";
import { bookOf } from "../../../src/policy/agents/workflow-book.ts";
import { policies } from "../../../src/policy/policies.ts";
import type { Policy, PolicyEntry, View } from "../../../src/policy/policy.ts";
import type { Cluster } from "../../../src/model/cluster.ts";
import type { Workflow } from "../../../src/model/workflow.ts";
import { generateWorkload } from "../../../src/trace/generate/generate-workload.ts";
import { cluster, dag, run, runUnchecked } from "../../support/build.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";
import { isWhole } from "../../support/portion.ts";
import { scrutinise } from "../../support/scrutiny.ts";

const resident = ["llama-3.1-8b"];
const byStep = {
  kind: "batched",
  maxSequences: 8,
  prefillTokens: 4096,
  chunkedPrefill: false,
  admission: "by-step",
} as const;
const one = cluster("h100", { resident });
const hexagent: Policy = agentPolicies.hexagent.plan;
const whole = { joint: true, kv: true, prefixes: true };

/** Prefill and decode engines by their kinds. */
function pairs(prefill: string, decode: string): Cluster {
  const count = prefill.split(" ").length;
  const machines = cluster(`${prefill} ${decode}`, { resident, batching: byStep });
  return {
    ...machines,
    engines: machines.engines.map((engine, index) => ({ ...engine, role: index < count ? "prefill" : "decode" })),
  };
}

/** Runs `hexagent`, and shows `look` every view that it is asked about. */
function watch(workflows: readonly Workflow[], machines: Cluster, look: (view: View) => void) {
  const plan: Policy = (view) => {
    look(view);
    return hexagent(view);
  };
  return run({
    workflows,
    cluster: machines,
    policy: { ...agentPolicies.hexagent, plan },
    calibration: plainCalibration,
  });
}

const sized = (tokens: number, output: number) => () => ({
  prompt: [{ kind: "own" as const, tokens }],
  output: { estimate: output, actual: output, limit: 2 * output },
});

describe("orders", () => {
  /** An old and long workflow with a chain, a young and short one, and a middling one: who begins first once an engine is free. */
  const flows = [
    { ...dag("a -> b", sized(4000, 400)), id: "long" },
    { ...dag("d", sized(1500, 100)), id: "middling", arrivalUs: 20 },
    { ...dag("c", sized(500, 20)), id: "short", arrivalUs: 30 },
  ];

  test.for<[OrderName, readonly string[]]>([
    ["fcfs", ["middling/d", "short/c", "long/b"]],
    ["workflow-fcfs", ["long/b", "middling/d", "short/c"]],
    ["sjf", ["short/c", "middling/d", "long/b"]],
    ["srpt", ["short/c", "middling/d", "long/b"]],
    ["agents-plas", ["middling/d", "short/c", "long/b"]],
    ["agents-atlas", ["middling/d", "short/c", "long/b"]],
    ["las", ["middling/d", "short/c", "long/b"]],
    ["edf", ["short/c", "middling/d", "long/b"]],
    ["one-hop", ["short/c", "middling/d", "long/b"]],
    ["risk", ["short/c", "middling/d", "long/b"]],
  ])("%s", ([name, expected]) => {
    let found: readonly string[] = [];
    watch(flows, one, (view) => {
      if (view.ready.length < 3) return;
      const calls = inOrder(view, orders[name]);
      expect(inOrder(view, orders[name], 1)).toEqual(calls.slice(0, 1));
      if (calls.some(({ stage }) => stage.key === "long/b")) found = calls.map(({ stage }) => stage.key);
    });
    expect(found).toEqual(expected);
  });

  test("risk climbs by the inverse of the horizon, and is the ratio that the workflow would end with", () => {
    watch([dag("a", sized(2000, 200))], one, (view) => {
      const [stage] = view.ready;
      if (stage === undefined) return;
      const node = view.workflows.node(stage.key);
      const urgency = orders.risk(view, stage, node);
      expect(keyAt(urgency, 0)).toBeCloseTo(-1, 9);
      const { horizonUs } = bookOf(view, node.workflow);
      expect(keyAt(urgency, horizonUs)).toBeCloseTo(-2, 9);
    });
  });
});

test("the horizon grows as stages are revealed and counts what has ended as it was", () => {
  const horizons: number[] = [];
  const flow = dag("a -> b -> c", sized(1000, 100), { reveal: "online" });
  watch([flow], one, (view) => {
    for (const { key } of view.ready) horizons.push(bookOf(view, view.workflows.node(key).workflow).horizonUs);
  });
  const [first = 0] = horizons;
  expect(first).toBeGreaterThan(0);
  expect(horizons).toEqual([first, 2 * first, 3 * first]);
});

describe("projection", () => {
  const at = (machines: Cluster, workflows: readonly Workflow[], settings = whole) => {
    let found: string[] = [];
    watch(workflows, machines, (view) => {
      if (found.length > 0 || view.ready.length === 0) return;
      const projection = new Projection(view, settings);
      found = view.ready.map((stage) => {
        const urgency = { rank: 0, climb: 0 };
        const best = projection.best(stage, urgency);
        if (best === undefined) return "nowhere";
        projection.add(stage, best, urgency);
        return `${best.engine.id}>${best.decodeEngine?.id}`;
      });
    });
    return found;
  };

  test("an idle cluster gives the fastest pair", () => {
    expect(at(pairs("a100 h100", "a100 h200"), [dag("a", sized(2000, 200))])).toEqual(["engine-1>engine-3"]);
  });

  test("prompts in line send the next one elsewhere, those behind it do not", () => {
    const two = dag("a, b", sized(4000, 20));
    expect(at(pairs("h100 h100", "h100"), [two])).toEqual(["engine-0>engine-2", "engine-1>engine-2"]);
  });

  test("KV memory that is promised counts", () => {
    const machines = pairs("h100", "h100 h100");
    const tight = { ...machines, engines: machines.engines.map((engine) => ({ ...engine, kvBytes: 5e8 })) };
    const two = dag("a, b", sized(2000, 400));
    expect(at(tight, [two])).toEqual(["engine-0>engine-1", "engine-0>engine-2"]);
  });

  test("a projected end is when the call really ends, where nothing comes between", () => {
    let endUs = 0;
    const { events } = watch([dag("a", sized(2000, 200))], pairs("h100", "h100"), (view) => {
      for (const stage of view.ready)
        endUs = new Projection(view, whole).best(stage, { rank: 0, climb: 0 })?.endUs ?? 0;
    });
    const ended = events.find(({ kind }) => kind === "stage-end")?.atUs ?? 0;
    expect(Math.abs(endUs - ended) / ended).toBeLessThan(0.02);
  });
});

test.for(["hexagent", "foresight"] as const)("%s decodes where the model is held", (name) => {
  const machines = pairs("h100", "h100 h100");
  const held = [["llama-3.1-8b"], ["phi-4-14.7b"], ["llama-3.1-8b"]];
  const engines = machines.engines.map((engine, index) => ({ ...engine, resident: held[index]!, maxResident: 1 }));
  const { events } = run({
    cluster: { ...machines, engines },
    workflows: [dag("a", () => ({}), { reveal: "online" })],
    policy: policies[name],
    calibration: plainCalibration,
  });
  expect(events.filter(({ kind }) => kind === "model-load-start")).toEqual([]);
});

test("history learns what remains by calls done, and goes through JSON", () => {
  let history: History = noHistory;
  const flows = Array.from({ length: 5 }, (_, index) => ({
    ...dag("a -> b -> c", sized(1000, 100), { reveal: "online" as const }),
    id: `w${index}`,
    class: "chain",
    arrivalUs: index * 20_000_000,
  }));
  const seen: number[] = [];
  watch(flows, one, (view) => {
    history = JSON.parse(JSON.stringify(learn(history, view, view.ready))) as History;
    for (const { key, workflow } of view.ready) {
      const node = view.workflows.node(key);
      const horizonUs = bookOf(view, node.workflow).horizonUs;
      if (workflow === "w4") seen.push(Math.round(remainingUs(history, view, node, 0) / horizonUs));
      if (workflow === "w0") expect(remainingUs(history, view, node, 0)).toBe(0);
    }
  });
  // Twice as much as the first call follows it, half of what is done the second, nothing the third.
  expect(seen).toEqual([2, 1, 0]);
  expect(history.count).toBe(0);
});

const pairNames = ["homo", "het1", "het2", "het3", "het3-kv", "qhom", "qhet", "both"] as const;
const hexagents = Object.entries<PolicyEntry>(agentPolicies).filter(([name]) => name.startsWith("hexagent"));

test.for(pairNames)("on %s every law holds, and one seed gives the same bytes", (name) => {
  const described = namedCluster(name);
  if (described === undefined) throw new Error(`no cluster ${name}`);
  const model = name.startsWith("q") ? "qwen3-235b-a22b" : "llama-3.1-70b";
  const load = { families: ["mixed"], count: 4, seed: 101, ratePerSecond: 20, error: 0.3, model };
  const { workload, models } = generateWorkload(load);
  for (const [policyName, policy] of hexagents.filter(
    (_, index) => index % pairNames.length === pairNames.indexOf(name) || (isWhole && index === 0),
  )) {
    const given = { workflows: workload.workflows, models, cluster: batchingAs(described, policy.batching), policy };
    const plain = JSON.stringify(run(given).events);
    const again = JSON.stringify(runUnchecked(given).events);
    expect({ policyName, same: plain === again }).toEqual({ policyName, same: true });
    expect(plain.split('"workflow-end"')).toHaveLength(5);
  }
});

test("what is held is placed once an engine has room, the riskiest first", () => {
  const flows = Array.from({ length: 12 }, (_, index) => ({
    ...dag("a", sized(1500, 100)),
    id: `w${index}`,
    arrivalUs: index,
  }));
  const policy = scrutinise(agentPolicies.hexagent);
  const { events } = run({ workflows: flows, cluster: pairs("h100", "h100"), policy, calibration: plainCalibration });
  const placed = events.flatMap((event) => (event.kind === "stage-place" ? [event.atUs] : []));
  expect(new Set(placed).size).toBeGreaterThan(2);
  const queued = run({
    workflows: flows,
    cluster: pairs("h100", "h100"),
    policy: agentPolicies["hexagent-queued"],
    calibration: plainCalibration,
  });
  expect(queued.events.flatMap((event) => (event.kind === "stage-place" ? [event.atUs] : []))).toEqual(
    flows.map(({ arrivalUs }) => arrivalUs),
  );
});

test("the turn that a waiting call loses is more of a short horizon than of a long one", () => {
  const flows = [
    { ...dag("a", sized(3000, 20)), id: "first" },
    { ...dag("a", sized(12_000, 20)), id: "under-way", arrivalUs: 1 },
    { ...dag("a", sized(4000, 100)), id: "long", arrivalUs: 10 },
    { ...dag("a", sized(500, 20)), id: "short", arrivalUs: 80_000 },
  ];
  const orderWith = (policy: PolicyEntry): readonly string[] =>
    run({ workflows: flows, cluster: pairs("h100 h100", "h100"), policy, calibration: plainCalibration })
      .events.flatMap((event) => (event.kind === "stage-place" ? [event.stage] : []))
      .slice(2);
  expect(orderWith(agentPolicies.hexagent)).toEqual(["short/a", "long/a"]);
  expect(orderWith(agentPolicies["hexagent-no-turn"])).toEqual(["long/a", "short/a"]);
});

test("the level at which calls are placed rises while they wait, and is kept with the history", () => {
  const flows = Array.from({ length: 60 }, (_, index) => ({ ...dag("a", sized(3000, 20)), id: `w${index}` }));
  const levels: number[] = [];
  const entry = agentPolicies["hexagent+history"];
  const plan: Policy = (view) => {
    const answer = entry.plan(view);
    levels.push((answer.memory as { level: number }).level);
    return answer;
  };
  run({ workflows: flows, cluster: pairs("h100", "h100"), policy: { ...entry, plan }, calibration: plainCalibration });
  expect(levels[0]).toBeCloseTo(1, 6);
  expect(levels.at(-1)).toBeGreaterThan(3);
  expect(levels.toSorted((left, right) => left - right)).toEqual(levels);
});
