import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shippedCalibration } from "../../src/cost/shipped-calibration.ts";
import type { Journal } from "../../src/journal/journal.ts";
import { measure } from "../../src/measure/measure.ts";
import type { JournalEvent } from "../../src/model/event.ts";
import { policies } from "../../src/policy/policies.ts";
import { simulate } from "../../src/sim/simulate.ts";
import { createMoment, advance, copyMoment, type Moment } from "../../src/view/scene/moment.ts";
import { createScene, type Scene } from "../../src/view/scene/scene.ts";
import { statusAt } from "../../src/view/scene/stories.ts";
import { toPieces } from "../../src/view/scene/waits.ts";
import { explainPlace, totalUs } from "../../src/view/scene/why.ts";
import { lastParent } from "../../src/view/scene/outlook.ts";
import { cluster, dag, run } from "../support/build.ts";
import { randomWorld } from "../support/random-world.ts";
import { portionOf } from "../support/portion.ts";

const someworld = fc.integer({ min: 1, max: 100_000 });
const somePolicy = fc.constantFrom("fate", "hexagent", "round-robin", "kvflow", "helix");
const someFaults = fc.constantFrom(
  {},
  { crashEveryUs: 4e6, crashForUs: 2e6, lossChance: 0.1 },
  { slowEveryUs: 3e6, slowForUs: 2e6, slowFactor: 3 },
);

function runWorld(seed: number, policy: keyof typeof policies, faults = {}): Journal {
  const { cluster: machines, models, workflows } = randomWorld(seed);
  const events: JournalEvent[] = [];
  const onEvent = (event: JournalEvent): void => void events.push(event);
  simulate({ cluster: machines, models, workflows, seed, policy: policies[policy], faults, onEvent });
  const calibration = shippedCalibration;
  const header = {
    kind: "journal",
    version: 1,
    seed,
    policy,
    workload: "w",
    cluster: machines,
    models,
    calibration,
  } as const;
  return { header, events };
}

function sceneOf({ header, events }: Journal): Scene {
  return createScene(header, events);
}

describe("in any world", () => {
  test("spans of a lane are in order and apart, and an engine has no more lanes than it can have shares and loads at once", () => {
    fc.assert(
      fc.property(someworld, somePolicy, someFaults, (seed, policy, faults) => {
        const scene = sceneOf(runWorld(seed, policy, faults));
        for (const { engine, lanes } of scene.lanes.engines) {
          for (const lane of lanes) {
            let untilUs = 0;
            for (const { startUs, endUs } of lane) {
              expect(startUs).toBeGreaterThanOrEqual(untilUs);
              expect(endUs).toBeGreaterThan(startUs);
              untilUs = endUs;
            }
          }
          const { batching, maxResident } = scene.tape.head.state.cluster.engine(engine).holding.engine;
          const most = batching.kind === "exclusive" ? 1 : batching.maxSequences;
          expect(lanes.length).toBeLessThanOrEqual(most + maxResident + 1);
        }
      }),
      { numRuns: portionOf(10) },
    );
  });

  test("what the counters say at the end is what measure says", () => {
    fc.assert(
      fc.property(someworld, somePolicy, someFaults, (seed, policy, faults) => {
        const journal = runWorld(seed, policy, faults);
        const measured = measure(journal);
        const figures = sceneOf(journal).figures.at(Infinity);
        for (const name of [
          "ended",
          "abandoned",
          "loads",
          "swaps",
          "evictions",
          "promptTokens",
          "cachedTokens",
          "recomputedTokens",
          "lostAttempts",
          "rejects",
        ] as const)
          expect([name, figures[name]]).toEqual([name, measured[name]]);
      }),
      { numRuns: portionOf(8) },
    );
  });

  test("the time that an exclusive engine spends on each phase is what measure says", () => {
    fc.assert(
      fc.property(someworld, somePolicy, (seed, policy) => {
        const journal = runWorld(seed, policy);
        const scene = sceneOf(journal);
        for (const times of measure(journal).engines) {
          const { engine, lanes } = scene.lanes.engines.find((one) => one.engine === times.engine) ?? {
            engine: "",
            lanes: [],
          };
          if (journal.header.cluster.engines.find(({ id }) => id === engine)?.batching.kind !== "exclusive") continue;
          const sumOf = (activity: string): number =>
            lanes.flat().reduce((sum, span) => (span.activity === activity ? sum + span.endUs - span.startUs : sum), 0);
          expect([sumOf("load"), sumOf("prefill"), sumOf("decode")]).toEqual([
            times.loadUs,
            times.prefillUs,
            times.decodeUs,
          ]);
        }
      }),
      { numRuns: portionOf(8) },
    );
  });

  test("the chosen engine's terms are computed again as they were recorded, for every placement", () => {
    fc.assert(
      fc.property(someworld, somePolicy, someFaults, (seed, policy, faults) => {
        const { tape } = sceneOf(runWorld(seed, policy, faults));
        for (const event of tape.records) {
          if (event.kind !== "stage-place") continue;
          const why = explainPlace(tape, event.sequence);
          const chosen = why?.candidates.filter((candidate) => candidate.chosen) ?? [];
          const costs = new Map(chosen.map(({ engine, cost }) => [engine, cost]));
          for (const { engine, cost } of event.shares) expect(costs.get(engine)).toEqual(cost);
          expect(why?.candidates.every((one) => (one.cost === undefined) !== (one.ruledOut === undefined))).toBe(true);
        }
      }),
      { numRuns: portionOf(8) },
    );
  });

  test("a copy of the world goes on as the world itself does, wherever it is made", () => {
    fc.assert(
      fc.property(
        someworld,
        somePolicy,
        someFaults,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seed, policy, faults, share) => {
          const { header, events } = runWorld(seed, policy, faults);
          const cut = Math.floor(share * events.length);
          const world = createMoment(header);
          for (const event of events.slice(0, cut)) advance(world, event);
          const copy = copyMoment(world);
          for (const event of events.slice(cut)) advance(world, event);
          const between = summary(copy);
          for (const event of events.slice(cut)) advance(copy, event);
          expect(summary(copy)).toEqual(summary(world));
          const again = createMoment(header);
          for (const event of events.slice(0, cut)) advance(again, event);
          expect(between).toEqual(summary(again));
        },
      ),
      { numRuns: portionOf(10) },
    );
  });

  test("with little room, what is left is what a scene with room has, and why is still told", () => {
    fc.assert(
      fc.property(someworld, somePolicy, someFaults, (seed, policy, faults) => {
        const { header, events } = runWorld(seed, policy, faults);
        const whole = createScene(header, events);
        const bounds = { records: 40, spans: 30, over: 2 };
        const small = createScene(header, events, bounds);
        expect(small.tape.records.length).toBeLessThanOrEqual(bounds.records);
        expect(small.lanes.engines.flatMap(({ lanes }) => lanes.flat()).length).toBeLessThanOrEqual(bounds.spans);
        expect([...small.stories.workflows.values()].filter(({ outcome }) => outcome !== "open").length).toBeLessThan(
          2 * bounds.over,
        );
        expect(small.tape.records).toEqual(whole.tape.records.slice(-small.tape.records.length));
        for (let sequence = small.tape.firstSequence - 1; sequence <= small.tape.lastSequence; sequence += 7)
          expect(summary(small.tape.momentAt(sequence))).toEqual(summary(whole.tape.momentAt(sequence)));
        for (const { kind, sequence } of small.tape.records)
          if (kind === "stage-place")
            expect(explainPlace(small.tape, sequence)).toEqual(explainPlace(whole.tape, sequence));
        expect(small.figures.at(Infinity)).toEqual(whole.figures.at(Infinity));
      }),
      { numRuns: portionOf(8) },
    );
  });

  test("the pieces of a stage's time follow one another from its reveal to its end", () => {
    fc.assert(
      fc.property(someworld, somePolicy, someFaults, (seed, policy, faults) => {
        const scene = sceneOf(runWorld(seed, policy, faults));
        for (const workflow of scene.stories.workflows.values()) {
          for (const story of workflow.stages.values()) {
            if (story.outcome !== "ended") continue;
            let atUs = story.revealUs;
            for (const { fromUs, toUs } of toPieces(story, Infinity, scene.lanes, lastParent(story)?.stage.id)) {
              expect(fromUs).toBe(atUs);
              atUs = toUs;
            }
            expect(atUs).toBe(story.endUs);
          }
        }
      }),
      { numRuns: portionOf(10) },
    );
  });

  test("a path that decides a workflow leads from a stage without open parents to the stage that ended last", () => {
    fc.assert(
      fc.property(someworld, somePolicy, (seed, policy) => {
        const scene = sceneOf(runWorld(seed, policy));
        for (const workflow of scene.stories.workflows.values()) {
          if (workflow.outcome !== "ended") continue;
          const path = scene.outlooks.criticalPath(workflow, Infinity).map((key) => workflow.stages.get(key));
          const ends = [...workflow.stages.values()]
            .filter(({ outcome }) => outcome === "ended")
            .map(({ endUs }) => endUs);
          if (ends.length === 0) continue;
          expect(path.at(-1)?.endUs).toBe(Math.max(...ends));
          for (const [index, story] of path.entries())
            if (index > 0) expect(story?.stage.parents.map(({ stage }) => stage)).toContain(path[index - 1]?.stage.key);
          expect(path[0]?.stage.parents).toEqual([]);
        }
      }),
      { numRuns: portionOf(8) },
    );
  });
});

/** All that a policy could see, without the objects that hold it. */
function summary({ nowUs, sequence, state: { cluster: machines, workflows } }: Moment): unknown {
  const engines = [...machines].map((engine) => ({
    id: engine.id,
    up: engine.up,
    role: engine.role,
    switching: engine.switching,
    slowFactor: engine.slowFactor,
    residents: engine.residents,
    foreseen: engine.foreseen,
    loadEndUs: engine.loadEndUs,
    queue: engine.queue,
    running: engine.running,
    queuedUs: engine.queuedUs,
    incoming: engine.incoming,
    kvTokens: engine.kvTokens,
    prefixes: [...engine.prefixes].map(([model, cache]) => [model, cache.list()]),
  }));
  const open = [...workflows.open.values()].map(({ stages, ...flow }) => ({
    ...flow,
    stages: [...stages.values()].map(({ workflow: _workflow, children, ...node }) => ({
      ...node,
      children: children.map(({ stage }) => stage.key),
    })),
  }));
  return structuredClone({ nowUs, sequence, engines, open, ready: workflows.ready, placed: workflows.placedCount });
}

describe("of two calls, one after the other", () => {
  const journal = run({ workflows: [dag("draft -> polish")], cluster: cluster("h100"), policy: "fate" });
  const scene = sceneOf(journal);

  test("the engine loads, takes in and writes, in one lane", () => {
    expect(scene.lanes.engines.map(({ lanes }) => lanes.map((lane) => lane.map(({ activity }) => activity)))).toEqual([
      [["load", "prefill", "decode", "prefill", "decode"]],
    ]);
  });

  test("the first waits for the load, the second for the first", () => {
    const flow = scene.stories.workflows.get("w");
    const told = [...(flow?.stages.values() ?? [])].map((story) =>
      toPieces(story, Infinity, scene.lanes, lastParent(story)?.stage.id).map(({ what, of }) => [what, of]),
    );
    expect(told).toEqual([
      [
        ["load", "llama-3.1-8b"],
        ["prefill", "engine-0"],
        ["decode", "engine-0"],
      ],
      [
        ["parents", "draft"],
        ["prefill", "engine-0"],
        ["decode", "engine-0"],
      ],
    ]);
  });

  test("at any time the stages are as far as they were then", () => {
    const stories = [...(scene.stories.workflows.get("w")?.stages.values() ?? [])];
    const middleUs = (stories[0]?.endUs ?? 0) - 1;
    expect(stories.map((story) => statusAt(story, middleUs))).toEqual(["running", "waiting"]);
    expect(stories.map((story) => statusAt(story, middleUs + 1))).toEqual(["over", "running"]);
    expect(scene.tape.momentAt(scene.tape.sequenceAt(middleUs)).state.cluster.engine("engine-0").running).toHaveLength(
      1,
    );
    expect(scene.tape.momentAt(0).state.workflows.open.size).toBe(0);
  });
});

test("why: the engine that holds the model is chosen, by its load; one that cannot hold it is ruled out", () => {
  const machines = cluster("h100 h100 l40s");
  const engines = machines.engines.map((engine, index) => ({
    ...engine,
    ...(index === 0 ? { resident: ["llama-3.1-8b"] } : {}),
    ...(index === 2 ? { models: ["embed-1.2b"] } : {}),
  }));
  const { tape } = sceneOf(
    run({ workflows: [dag("one")], cluster: { ...machines, engines }, policy: "greedy-finish" }),
  );
  const place = tape.records.find(({ kind }) => kind === "stage-place");
  const why = explainPlace(tape, place?.sequence ?? 0);
  expect(why?.candidates.map(({ engine, chosen, ruledOut }) => [engine, chosen, ruledOut])).toEqual([
    ["engine-0", true, undefined],
    ["engine-1", false, undefined],
    ["engine-2", false, "it cannot hold llama-3.1-8b"],
  ]);
  const [first, second] = why?.candidates ?? [];
  if (first === undefined || second === undefined) throw new Error("two candidates were expected");
  expect(totalUs(second) - totalUs(first)).toBe(second.cost?.loadUs);
  expect(why?.decided).toContain("sooner than the next best, engine-1, most of all by its load");
});

test("a moment far away is approached in steps, each of which is a part of the way, and is then what it is", () => {
  const workflows = Array.from({ length: 400 }, (_, index) =>
    dag("a -> b -> c", () => ({}), { id: `w${index}`, arrivalUs: index }),
  );
  const { header, events } = run({ workflows, cluster: cluster("h100 h100") });
  const { tape } = createScene(header, events, { records: 1e6, spans: 1e6, over: 1e6 });
  const far = tape.firstSequence + 4000;
  tape.momentAt(1);
  const steps = [...Array.from({ length: 20 }, () => tape.approach(tape.lastSequence - 5)), tape.approach(far)];
  expect(steps.at(-2)).toBe(true);
  const direct = createMoment(header);
  for (const event of events.slice(0, far)) advance(direct, event);
  while (!tape.approach(far));
  expect(summary(tape.momentAt(far))).toEqual(summary(direct));
});

test("a deadline that cannot be met any more is at risk, one that has passed is late, and both come before one that holds", () => {
  const flow = (id: string, deadlineUs: number) => dag("a -> b -> c", () => ({}), { id, deadlineUs });
  const scene = sceneOf(
    run({ workflows: [flow("short", 1_000_000), flow("long", 3_600_000_000)], cluster: cluster("h100 h100") }),
  );
  const riskAt = (id: string, atUs: number): unknown => {
    const story = scene.stories.workflows.get(id);
    return story === undefined ? undefined : scene.outlooks.of(story, atUs).risk;
  };
  expect([riskAt("short", 10), riskAt("short", 1_000_001), riskAt("short", Infinity)]).toEqual([
    "risky",
    "late",
    "missed",
  ]);
  expect([riskAt("long", 10), riskAt("long", Infinity)]).toEqual(["fine", "met"]);
});
