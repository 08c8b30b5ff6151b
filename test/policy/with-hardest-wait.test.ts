/** Whatever the policy, who has waited as long as anybody may goes first. */

import { describe, expect, test } from "vitest";
import type { Workflow } from "../../src/model/workflow.ts";
import type { JournalEvent } from "../../src/model/event.ts";
import { oldestFirst } from "../../src/policy/choose.ts";
import { planEarliestFinish } from "../../src/policy/greedy-finish.ts";
import { policies } from "../../src/policy/policies.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { suffixOf } from "../../src/policy/suffix.ts";
import { withHardestWait } from "../../src/policy/with-hardest-wait.ts";
import { createRng } from "../../src/random/rng.ts";
import { batched, cluster, exclusive, llm, run, runUnchecked } from "../support/build.ts";
import { plainCalibration } from "../support/plain-calibration.ts";

const mostUs = 3_000_000;

/** More calls than the engines can take, most of one model, of which long and short ones wait. */
function crowd(seed: number): Workflow[] {
  const rng = createRng(seed, "crowd");
  return Array.from({ length: 16 }, (_, index): Workflow => {
    const model = rng.next() < 0.2 ? "phi-4-14.7b" : "llama-3.1-8b";
    const tokens = 20 + rng.below(400);
    const output = { estimate: tokens, actual: tokens, limit: 600 };
    const stages = [llm("a", { model, output }), llm("b", { model, output, parents: [{ stage: "a", bytes: 10 }] })];
    return { id: `w${index}`, arrivalUs: index * 100_000, reveal: "online", stages };
  });
}

const worlds = [
  cluster("h100", { batching: exclusive }),
  cluster("h100 l40s", { batching: { ...batched, maxSequences: 2 } }),
];

/** `queued`: of these the ones that were only placed before, and begin after all. */
type Told = { readonly overdue: number; readonly faults: readonly string[]; readonly queued: readonly string[] };

/**
 * Two faults there may be: somebody is placed on an engine before one that has waited too long and goes there in the end, and an
 * engine begins something else than the one that was placed there for having waited longest.
 */
function findFaults(events: readonly JournalEvent[]): Told {
  const readyUs = new Map<string, number>();
  const firsts = new Map<string, string[]>();
  /** Who was placed while one that had waited too long was not, by engine. */
  const before = new Map<string, string[]>();
  const faults: string[] = [];
  const placedFirst: { readonly other: string; readonly stage: string; readonly fault: string }[] = [];
  const begun: string[] = [];
  let overdue = 0;
  for (const event of events) {
    if (event.kind === "stage-ready") readyUs.set(event.stage, event.atUs);
    if (event.kind === "stage-place") {
      readyUs.delete(event.stage);
      for (const { engine } of event.shares)
        for (const other of before.get(`${event.stage} ${engine}`) ?? [])
          placedFirst.push({
            other,
            stage: event.stage,
            fault: `${other} is placed on ${engine}, ${event.stage} only later`,
          });
      if (event.reason === "waited longest") {
        overdue += 1;
        for (const { engine } of event.shares) firsts.set(engine, [...(firsts.get(engine) ?? []), event.stage]);
        continue;
      }
      for (const [stage, sinceUs] of readyUs)
        for (const { engine } of event.shares)
          if (event.atUs - sinceUs >= mostUs) {
            const waiting = `${stage} ${engine}`;
            before.set(waiting, [...(before.get(waiting) ?? []), event.stage]);
          }
    }
    if (event.kind === "share-start") {
      begun.push(event.stage);
      const waiting = firsts.get(event.engine) ?? [];
      const next = waiting.shift();
      if (next !== undefined && next !== event.stage) faults.push(`${event.engine} begins ${event.stage}, not ${next}`);
    }
  }
  const queued = placedFirst.filter(({ other, stage }) => begun.indexOf(stage) < begun.indexOf(other));
  for (const each of placedFirst) faults.push(each.fault);
  return { overdue, faults, queued: queued.map(({ fault }) => fault) };
}

const plain = Object.entries(policies).filter(
  ([name]) => suffixOf(name) === undefined && !/^(fate|foresight)[-@]/.test(name),
);

describe.each(plain.map(([name, policy], place) => [name, policy, place] as const))("%s", (name, entry, place) => {
  test("lets nobody go before who has waited longest", () => {
    const policy = { plan: withHardestWait(entry.plan, mostUs), summary: "" };
    const machines = worlds[place % worlds.length] ?? cluster("h100");
    const workflows = crowd(place + 1);
    const { events } = run({ cluster: machines, workflows, policy, calibration: plainCalibration });
    expect(events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(workflows.length);
    const { faults, queued } = findFaults(events);
    // It fills queues in an order of its own, long before anything begins: of its calls it counts who begins.
    const allowed = name.startsWith("hexagent") ? queued : [];
    expect(faults.filter((fault) => !allowed.includes(fault))).toEqual([]);
  });
});

test("which comes about, and is no matter of course", () => {
  const [machines] = worlds;
  const journalOf = (hardestUs: number) => {
    const policy = { plan: withHardestWait(policies["min-min"].plan, hardestUs), summary: "" };
    return run({ workflows: crowd(1), policy, calibration: plainCalibration, ...(machines && { cluster: machines }) });
  };
  expect(findFaults(journalOf(mostUs).events).overdue).toBeGreaterThan(5);
  expect(findFaults(journalOf(Infinity).events).faults.length).toBeGreaterThan(5);
});

/** Everything else before the one model that is rarely called. */
const rareLast: Policy = (view) => {
  const isRare = ({ model }: { readonly model: string }): number => (model === "phi-4-14.7b" ? 1 : 0);
  const order = oldestFirst(view).sort((left, right) => isRare(left) - isRare(right));
  return { decisions: planEarliestFinish(view, order, { hold: true, mostShards: 1 }) };
};

const oneCall = (id: string, arrivalUs: number, tokens: number, model = "llama-3.1-8b"): Workflow => {
  const output = { estimate: tokens, actual: tokens, limit: 4000 };
  return { id, arrivalUs, reveal: "online", stages: [llm("s", { model, output })] };
};

function beginsOf(hardestUs: number, workflows: readonly Workflow[], plan: Policy): readonly [string, number][] {
  const machines = cluster("h100", { resident: ["llama-3.1-8b"] });
  const policy = { plan: withHardestWait(plan, hardestUs), summary: "" };
  const { events } = run({ cluster: machines, workflows, policy, calibration: plainCalibration });
  return events.flatMap((event) => (event.kind === "prefill-start" ? [[event.stage, event.atUs] as const] : []));
}

test("what would make one that waits overdue does not begin before it, what would not does", () => {
  const flows = [
    oneCall("first", 0, 100),
    oneCall("rare", 1, 100, "phi-4-14.7b"),
    oneCall("short", 2, 100),
    oneCall("long", 3, 2000),
  ];
  const orderOf = (hardestUs: number) => beginsOf(hardestUs, flows, rareLast).map(([stage]) => stage);
  expect(orderOf(10_000_000)).toEqual(["first/s", "short/s", "rare/s", "long/s"]);
  expect(orderOf(100_000_000)).toEqual(["first/s", "short/s", "long/s", "rare/s"]);
});

test("one that is held back on an idle engine begins in time, though nothing else happens", () => {
  const never: Policy = ({ ready }) => ({
    decisions: ready.map(({ key }) => ({ kind: "defer", stage: key, reason: "better-later" })),
  });
  expect(beginsOf(20_000_000, [oneCall("warm", 0, 100)], never)).toEqual([["warm/s", 20_000_000]]);
  // Its model must be loaded by then.
  expect(beginsOf(20_000_000, [oneCall("cold", 0, 100, "phi-4-14.7b")], never)).toEqual([["cold/s", 20_000_000]]);
});

test("a policy may speak of what has been decided over its head", () => {
  const all: Policy = ({ workflows }) => ({
    decisions: [...workflows.ready].map(({ key }) => ({ kind: "defer", stage: key, reason: "better-later" })),
  });
  expect(beginsOf(0, [oneCall("a", 0, 100), oneCall("b", 0, 100)], all).map(([stage]) => stage)).toEqual([
    "a/s",
    "b/s",
  ]);
});

test("what no engine can take is not asked about again and again once it is overdue", () => {
  let asked = 0;
  const plan = withHardestWait((view) => {
    asked += 1;
    return rareLast(view);
  }, 100_000);
  const flows = [oneCall("large", 0, 100, "qwen2.5-32b"), oneCall("small", 0, 2000)];
  // The large model does not fit; the small one's answer takes seconds.
  const machines = cluster("l40s", { resident: ["llama-3.1-8b"] });
  run({ cluster: machines, workflows: flows, policy: { plan, summary: "" }, calibration: plainCalibration });
  expect(asked).toBeLessThan(10);
});

test("where all have waited too long, an engine is not turned for each of them", () => {
  const flows = Array.from({ length: 24 }, (_, index) =>
    oneCall(`w${index}`, index, 200, index % 2 === 0 ? "llama-3.1-8b" : "phi-4-14.7b"),
  );
  const policy = { plan: withHardestWait(policies["greedy-finish"].plan, 2_000_000), summary: "" };
  const machines = cluster("h100", { batching: { ...batched, maxSequences: 4 }, maxResident: 1 });
  const { events } = run({ cluster: machines, workflows: flows, policy, calibration: plainCalibration });
  expect(events.filter(({ kind }) => kind === "model-load-start").length).toBeLessThan(5);
});

test("a call that no engine can decode holds back nobody whom one can", () => {
  const machines = cluster("h100 h100", { batching: batched, host: "h", resident: ["llama-3.1-8b"] });
  const [prefill, decode] = machines.engines.map((engine, index) => ({
    ...engine,
    ...(index === 0 ? { role: "prefill" as const } : { role: "decode" as const, models: ["llama-3.1-8b"] }),
  }));
  // Something goes on all the while, so that nobody is given up.
  const tool: Workflow = {
    id: "tool",
    arrivalUs: 0,
    reveal: "online",
    stages: [{ id: "t", kind: "tool", parents: [], priority: 0, estimateUs: 100e6, actualUs: 100e6 }],
  };
  const flows = [oneCall("stuck", 0, 100, "phi-4-14.7b"), tool, oneCall("late", 40e6, 100)];
  const policy = { plan: withHardestWait(policies["greedy-finish"].plan, 30e6), summary: "" };
  const { events } = runUnchecked({
    cluster: { ...machines, engines: [prefill!, decode!] },
    workflows: flows,
    policy,
    calibration: plainCalibration,
  });
  expect(events.find((event) => event.kind === "stage-place" && event.stage === "late/s")?.atUs).toBe(40e6);
});
