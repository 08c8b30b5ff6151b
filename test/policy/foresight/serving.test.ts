/** Engines that prefill and decode apart and could serve several models: who serves what, and when that changes. */

import { describe, expect, test } from "vitest";
import type { Cluster } from "../../../src/model/cluster.ts";
import type { Workflow } from "../../../src/model/workflow.ts";
import type { Journal } from "../../../src/journal/journal.ts";
import { policies } from "../../../src/policy/policies.ts";
import { createRng } from "../../../src/random/rng.ts";
import { batched, cluster, exclusive, firstUs, llm, run } from "../../support/build.ts";

const small = "llama-3.1-8b";
const middle = "phi-4-14.7b";
const large = "qwen2.5-32b";

type Held = readonly (readonly string[])[];

/** One model at a time on each; residents by engine. */
function pairs(prefill: Held, decode: Held, change: object = { batching: batched }) {
  const held = [...prefill, ...decode];
  const machines = cluster(held.map(() => "h100").join(" "), { host: "h0", ...change });
  const engines = machines.engines.map((engine, index) => ({
    ...engine,
    role: index < prefill.length ? ("prefill" as const) : ("decode" as const),
    resident: held[index]!,
  }));
  return { ...machines, engines };
}

function call(id: string, arrivalUs: number, model: string, change: Parameters<typeof llm>[1] = {}): Workflow {
  const output = { estimate: 100, actual: 100, limit: 400 };
  return { id, arrivalUs, reveal: "online", stages: [llm("a", { model, output, ...change })] };
}

/** In the order in which they come. */
const inTurn = (workflows: readonly Workflow[]): readonly Workflow[] =>
  workflows.toSorted((left, right) => left.arrivalUs - right.arrivalUs);

const loadsOf = ({ events }: Journal): number => events.filter(({ kind }) => kind === "model-load-start").length;

function latencyUs({ events }: Journal, workflows: readonly Workflow[]): number {
  const arrivals = new Map(workflows.map(({ id, arrivalUs }) => [id, arrivalUs]));
  let us = 0;
  for (const event of events) if (event.kind === "workflow-end") us += event.atUs - (arrivals.get(event.workflow) ?? 0);
  return us / workflows.length;
}

describe.for([
  ["batched", { batching: batched }, 500_000],
  ["exclusive", { batching: exclusive }, 2_000_000],
] as const)("engines that are %s", ([, change, gapUs]) => {
  test("calls of two models that come by turns do not have an engine loaded for each", () => {
    const workflows = Array.from({ length: 40 }, (_, index) =>
      call(`w${index}`, index * gapUs, index % 2 === 0 ? small : middle),
    );
    const cells = pairs([[small]], [[small]], change);
    const own = run({ workflows: inTurn(workflows), cluster: cells, policy: "foresight" });
    const greedy = run({ workflows: inTurn(workflows), cluster: cells, policy: "greedy-finish" });
    expect(2 * loadsOf(own)).toBeLessThan(loadsOf(greedy));
    expect(latencyUs(own, workflows)).toBeLessThan(latencyUs(greedy, workflows));
  });

  test("a model that is rarely called has its turn while calls of another go on coming", () => {
    const workflows = [
      ...Array.from({ length: 200 }, (_, index) => call(`usual${index}`, index * gapUs, small)),
      call("rare", 20 * gapUs, middle),
    ];
    const journal = run({
      workflows: inTurn(workflows),
      cluster: pairs([[small]], [[small]], change),
      policy: "foresight",
    });
    expect(firstUs(journal, "stage-end", "rare/a")).toBeLessThan(150 * gapUs);
  });

  test("an engine that nobody has is given at once to whoever calls for it", () => {
    const workflows = [
      ...Array.from({ length: 20 }, (_, index) => call(`usual${index}`, index * 500_000, small)),
      call("other", 5_000_000, middle),
    ];
    const cells = pairs([[small], [small]], [[small], [small]], change);
    const journal = run({ workflows: inTurn(workflows), cluster: cells, policy: "foresight" });
    expect(firstUs(journal, "stage-place", "other/a")).toBe(5_000_000);
  });
});

test("an engine with nothing to do keeps the last copy of a model, where others serve what is called", () => {
  const prompt = [{ kind: "own", tokens: 6000 }] as const;
  const workflows = Array.from({ length: 16 }, (_, index) => call(`w${index}`, 0, small, { prompt }));
  const loads = (cells: Cluster): number => loadsOf(run({ workflows, cluster: cells, policy: "foresight" }));
  const decode = [[small], [middle]];
  expect(loads(pairs([[small], [middle]], decode))).toBe(0);
  // A copy that others have too makes way.
  const three = pairs([[small], [middle], [middle]], decode);
  expect(loads(three)).toBe(1);
  // So do those of either phase where an engine that does both has another, which stays.
  const engines = three.engines.map((engine, index) => (index === 2 ? { ...engine, role: "both" as const } : engine));
  expect(loads({ ...three, engines })).toBe(2);
});

test("no engine stays idle with the last copy of a model beside calls that have waited for long", () => {
  const prompt = [{ kind: "own", tokens: 6000 }] as const;
  const workflows = Array.from({ length: 400 }, (_, index) => call(`w${index}`, 0, small, { prompt }));
  const cells = pairs([[small], [middle]], [[small], [small], [middle]]);
  const leaving = run({ workflows, cluster: cells, policy: "foresight-roles" });
  const first = leaving.events.find(({ kind }) => kind === "model-load-start");
  expect(first).toMatchObject({ engine: "engine-1", model: small });
  // Where they may, engines that decode take prompts in as well.
  const own = run({ workflows, cluster: cells, policy: "foresight" });
  const greedy = run({ workflows, cluster: cells, policy: "greedy-finish" });
  expect(latencyUs(own, workflows)).toBeLessThan(latencyUs(greedy, workflows));
});

test("one engine that takes prompts in for several models stays with each for as long as it took to turn to it", () => {
  const models = [small, middle, large];
  const workflows = Array.from({ length: 90 }, (_, index) =>
    call(`w${index}`, index * 300_000, models[index % 3]!, { prompt: [{ kind: "own", tokens: 6000 }] }),
  );
  const cells = pairs([[small]], [[small], [middle], [large]]);
  const own = run({ workflows: inTurn(workflows), cluster: cells, policy: "foresight" });
  const greedy = run({ workflows: inTurn(workflows), cluster: cells, policy: "greedy-finish" });
  expect(10 * loadsOf(own)).toBeLessThan(loadsOf(greedy));
  expect(latencyUs(own, workflows)).toBeLessThan(latencyUs(greedy, workflows));
});

test("its decode engine loads a model while the prompt is taken in", () => {
  const workflows = [call("w", 0, middle, { prompt: [{ kind: "own", tokens: 20_000 }] })];
  const { events } = run({ workflows: inTurn(workflows), cluster: pairs([[small]], [[small]]), policy: "foresight" });
  const loads = events.flatMap((event) =>
    event.kind === "model-load-start" ? [{ engine: event.engine, atUs: event.atUs }] : [],
  );
  expect(loads).toHaveLength(2);
  expect(loads).toEqual(
    expect.arrayContaining([
      { engine: "engine-0", atUs: 0 },
      { engine: "engine-1", atUs: 0 },
    ]),
  );
});

test("a call that may go to one engine alone has its turn there, though its model is served elsewhere", () => {
  const workflows = [
    ...Array.from({ length: 150 }, (_, index) => call(`usual${index}`, index * 250_000, small)),
    ...Array.from({ length: 20 }, (_, index) => call(`other${index}`, index * 250_000, middle)),
    call("pinned", 1_000_000, middle, { allow: { engines: ["engine-0", "engine-3"] } }),
  ];
  const cells = pairs([[small], [middle]], [[small], [middle]]);
  const journal = run({ workflows: inTurn(workflows), cluster: cells, policy: "foresight" });
  expect(firstUs(journal, "stage-end", "pinned/a")).toBeLessThan(37_000_000);
});

test("a model whose engines are full gets one more from a model that needs fewer than it has", () => {
  const workflows = [
    ...Array.from({ length: 120 }, (_, index) => call(`many${index}`, index * 40_000, small)),
    ...Array.from({ length: 3 }, (_, index) => call(`few${index}`, index * 2_000_000, middle)),
  ];
  const full = { batching: { ...batched, maxSequences: 4 } };
  const cells = pairs([[small], [middle]], [[small], [middle], [middle]], full);
  const { events } = run({ workflows: inTurn(workflows), cluster: cells, policy: "foresight" });
  const loaded = events.flatMap((event) =>
    event.kind === "model-load-start" ? [`${event.engine} ${event.model}`] : [],
  );
  expect(loaded.filter((each) => each === `engine-3 ${small}` || each === `engine-4 ${small}`)).not.toEqual([]);
});

test("engines switch roles there too, and all calls that are bound to one of them end", () => {
  const workflows = [
    ...Array.from({ length: 150 }, (_, index) =>
      call(`long${index}`, index * 50_000, index % 2 === 0 ? small : middle, {
        prompt: [{ kind: "own", tokens: 8000 }],
        output: { estimate: 10, actual: 10, limit: 40 },
      }),
    ),
    ...[1, 2, 3].map((engine) =>
      call(`bound${engine}`, 4_000_000, large, { allow: { engines: ["engine-0", `engine-${engine}`] } }),
    ),
  ];
  const { events } = run({
    workflows: inTurn(workflows),
    cluster: pairs([[small]], [[small], [middle], [small]]),
    policy: "foresight",
  });
  expect(events.some((event) => event.kind === "role-switch-start" && event.to === "prefill")).toBe(true);
  expect(events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(workflows.length);
});

test("of graphs and calls over three models everything ends, whatever engines there are", () => {
  for (let seed = 1; seed <= 4; seed++) {
    const rng = createRng(seed, "serving");
    const models = [small, middle, large];
    const drawn = (count: number): Held => Array.from({ length: count }, () => [models[rng.below(3)]!]);
    const engines = 2 + rng.below(4);
    const prefill = 1 + rng.below(engines - 1);
    const workflows = Array.from({ length: 30 }, (_, index): Workflow => {
      const stage = (id: string, parents: readonly string[]) =>
        llm(id, {
          model: models[rng.below(3)]!,
          parents: parents.map((parent) => ({ stage: parent, bytes: 1000 })),
          output: { estimate: 20 + rng.below(300), actual: 20 + rng.below(300), limit: 400 },
          ...(rng.below(10) === 0 ? { allow: { engines: ["engine-0", `engine-${engines - 1}`] } } : {}),
        });
      const stages = [stage("a", []), stage("b", ["a"]), stage("c", ["a"])];
      return {
        id: `w${index}`,
        arrivalUs: rng.below(20_000_000),
        reveal: index % 3 === 0 ? "static" : "online",
        stages,
      };
    });
    const change = seed % 4 === 0 ? { batching: exclusive } : { batching: batched, maxResident: 1 + (seed % 2) };
    const cells = pairs(drawn(prefill), drawn(engines - prefill), change);
    const { events } = run({ workflows: inTurn(workflows), cluster: cells, policy: policies.foresight, seed });
    expect(events.filter(({ kind }) => kind === "workflow-end")).toHaveLength(workflows.length);
  }
});
