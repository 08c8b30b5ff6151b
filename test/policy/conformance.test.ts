/** What every policy in the table must do, and must not do, whatever else it is for. */

import { afterAll, describe, expect, test } from "vitest";
import { feasibleEngines, placeWhole } from "../../src/policy/choose.ts";
import { policies } from "../../src/policy/policies.ts";
import type { Policy, PolicyEntry } from "../../src/policy/policy.ts";
import { suffixOf } from "../../src/policy/suffix.ts";
import type { Faults } from "../../src/sim/faults.ts";
import { isAblation } from "../support/ablations.ts";
import { batched, cluster, dag, run, runUnchecked } from "../support/build.ts";
import { compareRuns, compareTruths, record } from "../support/clairvoyance.ts";
import { plainCalibration } from "../support/plain-calibration.ts";
import { isWhole } from "../support/portion.ts";
import { randomWorld, withOtherTruth, type RandomWorld } from "../support/random-world.ts";
import { findAnyFault, scrutinise } from "../support/scrutiny.ts";

const worlds = Array.from({ length: 24 }, (_, index) => randomWorld(index + 1));

/**
 * Worlds in which shards come about, and one with prefill engines; the long suite has two hundred. For a variant one of them is enough,
 * whose policy sees all; but three are needed to compare truths, since a run in which they part at once compares next to nothing. The gate
 * has two of them for a policy, others than for the next.
 */
const tellingWorlds = worlds.filter(({ seed }) => [7, 11, 14, 19, 22].includes(seed));
const worldsOfOne = isWhole ? tellingWorlds.length : 2;

/** So many of them, from the one whose turn it is. */
function tellingFrom(place: number, count: number): readonly RandomWorld[] {
  const all = tellingWorlds.length;
  return tellingWorlds.filter((_, index) => (index + all - (place % all)) % all < count);
}

/**
 * Ablations of `fate` and `foresight` run their code with other settings, and an order is the same with each of three placements:
 * the long suite has them all, the gate no ablations and of each order one placement.
 */
const placements = ["@round-robin", "@least-loaded", "@projected"];
const placed = Object.keys(policies).filter((name) => placements.includes(suffixOf(name) ?? ""));
const inGate = Object.entries(policies).filter(
  ([name]) => !isAblation(name) && (!placed.includes(name) || isTurnOf(name)),
);

/** The first order has the first placement, the second the second, and so on. */
function isTurnOf(name: string): boolean {
  const orders = [...new Set(placed.map((other) => other.slice(0, other.indexOf("@"))))];
  return name.endsWith(placements[orders.indexOf(name.slice(0, name.indexOf("@"))) % placements.length] ?? "");
}

const drawnClusters = [cluster("h100"), cluster("h100 l40s a100"), cluster("h100 h100", { batching: batched })];

const troubles: readonly Faults[] = [
  { crashEveryUs: 8e6, crashForUs: 3e6 },
  { slowEveryUs: 5e6, slowForUs: 5e6, slowFactor: 4 },
  { lossChance: 0.2 },
  { staleUs: 300_000 },
  { crashEveryUs: 15e6, crashForUs: 5e6, slowEveryUs: 9e6, lossChance: 0.1, staleUs: 100_000 },
];

/** Works out each world's value when it is first asked for; `forget` lets go of all. */
function once<T>(make: (world: RandomWorld) => T): {
  readonly of: (world: RandomWorld) => T;
  readonly forget: () => void;
} {
  const made = new Map<RandomWorld, T>();
  return {
    of: (world) => {
      const there = made.get(world);
      if (there !== undefined) return there;
      const value = make(world);
      made.set(world, value);
      return value;
    },
    forget: () => made.clear(),
  };
}

function findFaults(world: RandomWorld, policy: PolicyEntry, faults: Faults = {}): string[] {
  return findAnyFault(runUnchecked({ ...world, policy: scrutinise(policy), faults, calibration: plainCalibration }));
}

describe.for(inGate.map(([name, policy], place) => [name, policy, place] as const))("%s", ([name, policy, place]) => {
  const isVariant = suffixOf(name) !== undefined || name.startsWith("hexagent-");
  const own = tellingFrom(place, isVariant ? 1 : worldsOfOne);
  const toCompare = tellingFrom(place, isVariant ? 3 : Math.max(3, worldsOfOne));
  // Runs in peace are looked at from several sides.
  const plain = once((world) => record(world, policy));
  const scrutinised = once((world) => record(world, scrutinise(policy)).journal);
  afterAll(() => [plain, scrutinised].forEach(({ forget }) => forget()));

  test.for([
    ["a chain", "plan -> draft -> merge", 0],
    ["a diamond", "plan -> draft, check -> merge", 1],
    ["a fan", "a, b, c, d, e, f", 2],
    ["two layers", "a, b, c -> d, e, f", 3],
  ] as const)("works off %s", ([, drawing, turn]) => {
    for (const [index, machines] of drawnClusters.entries()) {
      // The gate draws each graph on one of the clusters.
      if (!isWhole && index !== (place + turn) % drawnClusters.length) continue;
      const reveal = (place + index) % 2 === 0 ? "static" : "online";
      const flow = dag(drawing, () => ({ items: 2 }), { reveal });
      const { events } = run({ cluster: machines, workflows: [flow], policy, calibration: plainCalibration });
      expect(events.filter(({ kind }) => kind === "stage-end")).toHaveLength(flow.stages.length);
      expect(events.at(-1)?.kind).toBe("workflow-end");
    }
  });

  test("ends every workflow, or it is given up because it must be", () => {
    for (const world of own)
      expect({ [world.seed]: findAnyFault(scrutinised.of(world)) }).toEqual({ [world.seed]: [] });
  });

  test("still does when engines crash and slow down, results get lost and news come late", () => {
    // Every second world is enough here: the long suite goes through hundreds.
    const half = isVariant ? own : own.filter((_, index) => index % 2 === place % 2);
    for (const [index, world] of half.entries()) {
      const faults = troubles[(index + place) % troubles.length] as Faults;
      expect({ [world.seed]: findFaults(world, policy, faults) }).toEqual({ [world.seed]: [] });
    }
  });

  test("gives the same bytes for the same seed, also when its memory went through JSON", () => {
    for (const world of own.slice(0, 6)) {
      const bytes = JSON.stringify(plain.of(world).journal.events);
      expect(JSON.stringify(scrutinised.of(world).events) === bytes).toBe(true);
    }
  });

  test("decides by nothing that it cannot know", () => {
    let compared = 0;
    for (const world of toCompare) {
      const result = compareRuns(plain.of(world), record(withOtherTruth(world), policy));
      expect({ seed: world.seed, found: result.clairvoyance }).toEqual({ seed: world.seed, found: undefined });
      compared += result.compared;
    }
    expect(compared).toBeGreaterThan(toCompare.length);
  });
});

describe("the suite itself", () => {
  /** Sends a stage that will write more than expected to the last engine that may take it, the others to the first. */
  const cheat = (world: RandomWorld): PolicyEntry => {
    const truth = new Map(
      world.workflows.flatMap((flow) => flow.stages.map((stage) => [`${flow.id}/${stage.id}`, stage])),
    );
    const plan: Policy = (view) => ({
      decisions: view.ready.map((stage) => {
        const engines = feasibleEngines(view, stage);
        const real = truth.get(stage.key);
        const longer = real !== undefined && real.kind !== "tool" && real.output.actual > real.output.estimate;
        return placeWhole(view, stage, longer ? engines.at(-1) : engines[0]);
      }),
    });
    return { plan, summary: "a cheat" };
  };

  test("catches a policy that knows the output lengths", () => {
    const caught = worlds.filter(
      (world) => compareTruths(world, withOtherTruth(world), cheat).clairvoyance !== undefined,
    );
    expect(caught.length).toBeGreaterThan(worlds.length / 3);
  });

  /** Sends a stage with a child that will not run to the last engine that may take it, the others to the first. */
  const foreseeing = (world: RandomWorld): PolicyEntry => {
    const idle = new Set(
      world.workflows.flatMap((flow) =>
        flow.stages.flatMap(({ branch, parents }) =>
          branch?.runs === false ? parents.map((parent) => `${flow.id}/${parent.stage}`) : [],
        ),
      ),
    );
    const plan: Policy = (view) => ({
      decisions: view.ready.map((stage) => {
        const engines = feasibleEngines(view, stage);
        return placeWhole(view, stage, idle.has(stage.key) ? engines.at(-1) : engines[0]);
      }),
    });
    return { plan, summary: "a cheat" };
  };

  test("catches a policy that knows which branches are taken", () => {
    const branching = Array.from({ length: 60 }, (_, index) => randomWorld(index + 1)).filter(({ workflows }) =>
      workflows.some(({ stages }) => stages.some(({ branch }) => branch !== undefined)),
    );
    expect(branching.length).toBeGreaterThan(10);
    const caught = branching.filter(
      (world) => compareTruths(world, withOtherTruth(world), foreseeing).clairvoyance !== undefined,
    );
    expect(caught.length).toBeGreaterThan(branching.length / 6);
  });

  const world = randomWorld(1);

  test("catches a policy that defers for ever", () => {
    const plan: Policy = ({ ready }) => ({
      decisions: ready.map(({ key }) => ({ kind: "defer", stage: key, reason: "better-later" })),
    });
    expect(findFaults(world, { plan, summary: "" })).not.toEqual([]);
  });

  test("catches a policy that changes what it sees", () => {
    const plan: Policy = (view) => {
      for (const engine of view.cluster) engine.slowFactor = 2;
      return { decisions: [] };
    };
    expect(() => findFaults(world, { plan, summary: "" })).toThrow("changed what it was shown");
  });

  test("catches a policy that decides twice", () => {
    const plan: Policy = (view) => ({
      decisions: view.ready.flatMap((stage) => {
        const [engine] = feasibleEngines(view, stage);
        return [placeWhole(view, stage, engine), placeWhole(view, stage, engine)];
      }),
    });
    expect(() => findFaults(world, { plan, summary: "" })).toThrow("decided about twice");
  });
});
