/** What `foresight` does with calls that are revealed one by one on engines that batch. */

import { expect, test } from "vitest";
import { knownModels } from "../../../../src/catalogue/models.ts";
import type { Decision } from "../../../../src/model/decision.ts";
import { foresightPolicies } from "../../../../src/policy/foresight/ablations.ts";
import { keepLearnt } from "../../../../src/policy/foresight/lasting.ts";
import { stepKey, type History } from "../../../../src/policy/foresight/revealed/history.ts";
import type { Policy } from "../../../../src/policy/policy.ts";
import { batched, cluster, dag, firstUs, run } from "../../../support/build.ts";
import { plainCalibration } from "../../../support/plain-calibration.ts";
import { enginesOf } from "../../../support/placements.ts";
import { runPlain } from "../../../support/run-plain.ts";

const small = "llama-3.1-8b";
const middle = "phi-4-14.7b";
const large = "qwen2.5-32b";
const { foresight } = foresightPolicies;
const { lone } = foresight;

/** Engines of one host that hold these models, and no more at a time. */
function holding(...residents: readonly (readonly string[])[]) {
  const machines = cluster(residents.map(() => "h100").join(" "), { host: "host", kvBytes: 4e9, batching: batched });
  const engines = machines.engines.map((engine, index) => ({
    ...engine,
    resident: residents[index]!,
    maxResident: Math.max(1, residents[index]!.length),
  }));
  return { ...machines, engines };
}

function calls(drawing: string, modelOf: (id: string) => string, change: { id?: string; arrivalUs?: number } = {}) {
  const flow = dag(drawing, (id) => ({ model: modelOf(id), output: { estimate: 300, actual: 300, limit: 800 } }), {
    reveal: "online",
  });
  return { ...flow, class: "session", ...change };
}

const evicted = (journal: ReturnType<typeof runPlain>): string[] =>
  journal.events.flatMap((event) => (event.kind === "model-evict" ? [event.model] : []));

test("a call joins those of its model, and one of another model does not push them out", () => {
  const journal = runPlain({
    policy: foresight,
    cluster: holding([small], [large]),
    workflows: [calls("a, b, c", () => small)],
  });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0], c: [0] });
  expect(evicted(journal)).toEqual([]);
});

test("calls that one load can serve get it once, on the engine whose model is held twice", () => {
  const journal = runPlain({
    policy: foresight,
    cluster: holding([large], [small], [small]),
    workflows: [calls("a, b, c", () => middle)],
  });
  expect(new Set(Object.values(enginesOf(journal)).flat())).toEqual(new Set([1]));
  expect(evicted(journal)).toEqual([small]);
});

test("of two models as dear to bring back, the one goes that workflows of the class do not call", () => {
  // Whoever calls the small model calls it again.
  const before = Array.from({ length: 4 }, (_, index) =>
    calls("a -> b -> c", () => small, { id: `before-${index}`, arrivalUs: index * 30_000_000 }),
  );
  const machines = holding(["mistral-7b"], [small]);
  const last = calls("x", () => middle, { id: "last", arrivalUs: 130_000_000 });
  const journal = runPlain({ policy: foresight, cluster: machines, workflows: [...before, last] });
  expect(evicted(journal)).toEqual(["mistral-7b"]);
  const other = holding([small], ["mistral-7b"]);
  expect(evicted(runPlain({ policy: foresight, cluster: other, workflows: [...before, last] }))).toEqual([
    "mistral-7b",
  ]);
});

test("an engine that alone could hold what nobody has called yet is left to it, although a load takes longer elsewhere", () => {
  const machines = cluster("h100 rtx", { kvBytes: 4e9, batching: batched });
  // A load takes 0.8 s longer there.
  const [fast, slow] = machines.hosts;
  const hosts = [fast!, { ...slow!, loadBytesPerSecond: 6.75e9 }];
  const journal = runPlain({
    policy: foresight,
    cluster: { ...machines, hosts },
    workflows: [
      dag("a", () => ({ model: small, output: { estimate: 20, actual: 20, limit: 20 } }), { reveal: "online" }),
    ],
    models: knownModels.filter(({ id }) => id === small || id === large),
  });
  expect(enginesOf(journal)).toEqual({ a: [1] });
});

test("a call begins although everything rests, and however little its model is worth", () => {
  const journal = runPlain({ policy: foresight, cluster: holding([large]), workflows: [calls("a", () => small)] });
  expect(firstUs(journal, "stage-place", "w/a")).toBe(0);
  expect(journal.events.at(-1)?.kind).toBe("workflow-end");
});

test("a call goes where its inputs are, of engines that are alike", () => {
  const read = dag("a -> b", () => ({}), { reveal: "online" });
  const stages = read.stages.map((stage) =>
    stage.id === "a"
      ? { ...stage, allow: { engines: ["engine-1"] } }
      : { ...stage, parents: [{ stage: "a", bytes: 20e9 }] },
  );
  const machines = cluster("h100 h100", { batching: batched, resident: [small] });
  const journal = runPlain({ policy: foresight, cluster: machines, workflows: [{ ...read, stages }] });
  expect(enginesOf(journal)).toEqual({ a: [1], b: [1] });
});

test("a call waits for a fast engine that soon has a place, rather than begin on one where it takes much longer", () => {
  const machines = cluster("h100 l4", { batching: { ...batched, maxSequences: 1 }, resident: [small] });
  const journal = runPlain({ policy: foresight, cluster: machines, workflows: [calls("a, b", () => small)] });
  expect(enginesOf(journal)).toEqual({ a: [0], b: [0] });
});

test("as many wait for a fast engine as end sooner there, and the others begin on the slow one", () => {
  const machines = cluster("h100 l4", { batching: { ...batched, maxSequences: 1 }, resident: [small] });
  const names = Array.from({ length: 24 }, (_, index) => `c${index}`);
  const journal = runPlain({ policy: foresight, cluster: machines, workflows: [calls(names.join(", "), () => small)] });
  const slow = Object.values(enginesOf(journal)).filter(([engine]) => engine === 1);
  expect(slow.length).toBeGreaterThan(0);
  expect(slow.length).toBeLessThan(5);
});

test("an idle engine loads a model that only a slow one holds, although its calls could begin there", () => {
  const machines = cluster("l4 h100", { host: "host", batching: batched });
  const [slow, fast] = machines.engines;
  const engines = [{ ...slow!, resident: [small] }, fast!];
  const journal = runPlain({
    policy: foresight,
    cluster: { ...machines, engines },
    workflows: [calls("a, b", () => small)],
    models: knownModels.filter(({ id }) => id === small),
  });
  expect(enginesOf(journal)).toEqual({ a: [1], b: [1] });
});

test("alone, a call is placed at once where its model is held, and planned where a load is needed", () => {
  const answers: (Decision | undefined)[] = [];
  const plan: Policy = (view) => {
    if (view.ready.length === 1) answers.push(lone(view)?.decisions[0]);
    return foresight.plan(view);
  };
  for (const model of [small, middle])
    run({
      cluster: holding([large], [small]),
      workflows: [calls("a", () => model)],
      policy: { plan, summary: "" },
      calibration: plainCalibration,
    });
  expect(answers).toEqual([
    expect.objectContaining({ shares: [expect.objectContaining({ engine: "engine-1" })] }),
    undefined,
  ]);
});

test("what is learnt is the same where the policy is asked only for calls, and most of them come alone", () => {
  const workflows = Array.from({ length: 6 }, (_, index) =>
    calls("a -> b -> c", (id) => (id === "b" ? large : small), { id: `w${index}`, arrivalUs: index * 60_000_000 }),
  );
  const learnt = (plan: Policy): unknown => {
    let memory: unknown;
    const watched: Policy = (view) => {
      const made = plan(view);
      memory = made.memory;
      return made;
    };
    const policy = { ...foresight, plan: watched };
    run({ cluster: holding([small], [large]), workflows, policy, calibration: plainCalibration });
    return keepLearnt(memory);
  };
  let alone = 0;
  const seldom: Policy = (view) => {
    if (view.ready.length === 0) return { decisions: [], memory: view.memory };
    const short = view.ready.length === 1 ? lone(view) : undefined;
    if (short !== undefined) alone += 1;
    return short ?? foresight.plan(view);
  };
  const whole = learnt(foresight.plan) as { revealed: { history: History } };
  const { after, ...rest } = whole.revealed.history;
  const { after: asSeen, ...others } = (learnt(seldom) as typeof whole).revealed.history;
  expect(alone).toBeGreaterThan(10);
  expect(others).toEqual(rest);
  // That the last workflow is over shows when another one comes.
  const last = stepKey("session", small);
  expect(asSeen).toEqual({
    ...after,
    [last]: { ...after[last], total: after[last]!.total - 1, over: after[last]!.over - 1 },
  });
});
