/** The decoder against the simulator: a plan carried out step by step ends every stage when the decoder said it would. */

import { expect, test } from "vitest";
import type { Cluster } from "../../../src/model/cluster.ts";
import type { JournalEvent } from "../../../src/model/event.ts";
import { act } from "../../../src/policy/foresight/act.ts";
import { byTurn } from "../../../src/policy/foresight/constructions.ts";
import { Decoder } from "../../../src/policy/foresight/decode.ts";
import { noDemand } from "../../../src/policy/foresight/demand.ts";
import { lookOut } from "../../../src/policy/foresight/outlook.ts";
import {
  parentsFirst,
  recall,
  toRemember,
  type PlanMemory,
  type WholePlan,
} from "../../../src/policy/foresight/plan.ts";
import { layScene, type Scene } from "../../../src/policy/foresight/scene.ts";
import { foresightDefaults } from "../../../src/policy/foresight/settings.ts";
import { neverUs } from "../../../src/policy/foresight/transfers.ts";
import type { PolicyEntry, View } from "../../../src/policy/policy.ts";
import { drawOne } from "../../../src/random/distributions.ts";
import { createRng, type Rng } from "../../../src/random/rng.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";
import { randomWorld } from "../../support/random-world.ts";
import { withoutDoubt } from "../../support/without-doubt.ts";

const settings = { ...foresightDefaults, spread: 0 };

type Contention = "none" | "serial";
type Case = { readonly loadsAhead: boolean; readonly contention: Contention; readonly pairs: boolean };

function exclusively(cluster: Cluster, contention: Contention): Cluster {
  return {
    ...cluster,
    contention,
    engines: cluster.engines.map((engine) => ({
      ...engine,
      role: "both",
      batching: { kind: "exclusive", maxSequences: 8 },
    })),
  };
}

/** Any order and any placements, pairs among them where that is said. */
function drawPlan(scene: Scene, rng: Rng, { pairs: mayPair }: Case): WholePlan {
  const shuffled = byTurn(scene)
    .map((stage) => ({ stage, at: rng.next() }))
    .sort((left, right) => left.at - right.at)
    .map(({ stage }) => stage);
  const told = Int32Array.from(scene.stages, (_, stage) => {
    const pairs = scene.ablePairs[stage]!.map((pair) => scene.fleet.engines.length + pair);
    if (mayPair && pairs.length > 0 && rng.next() < 0.5) return drawOne(rng, pairs);
    return scene.able[stage]!.length === 0 ? -1 : drawOne(rng, scene.able[stage]!);
  });
  return { order: parentsFirst(scene, shuffled), told };
}

/** The same placements, in the order in which stages begin: ways serve in the plan's order, and in the simulator in time's. */
function inTimeOrder(decoder: Decoder, { order, told }: WholePlan): WholePlan | undefined {
  let current = order;
  for (let round = 0; round < 20; round++) {
    decoder.decode(current, told);
    const at = new Map(Array.from(current, (stage, position) => [stage, position]));
    const sorted = current.toSorted(
      (left, right) => decoder.beginsUs[left]! - decoder.beginsUs[right]! || at.get(left)! - at.get(right)!,
    );
    if (sorted.every((stage, position) => stage === current[position])) return { order: current, told };
    current = sorted;
  }
  return undefined;
}

/** What shares a serial way at one instant is served in an order that no plan says. */
function hasTies({ beginsUs }: Decoder): boolean {
  const later = beginsUs.filter((us) => us > 0);
  return new Set(later).size < later.length;
}

type Prediction = { readonly endsUs: Map<string, number> };

/** Draws a plan when first asked and then does what it says. */
function follower(seed: number, each: Case, found: Prediction): PolicyEntry {
  const { loadsAhead, contention } = each;
  const plan = (view: View) => {
    const before = view.memory as PlanMemory | undefined;
    const scene = layScene(view, lookOut(view, undefined), settings, noDemand);
    let whole =
      before === undefined ? drawPlan(scene, createRng(seed, "plan"), each) : recall(scene, before, [], false);
    const decoder = new Decoder(scene, loadsAhead);
    if (before === undefined) {
      const inOrder = inTimeOrder(decoder, whole);
      if (inOrder !== undefined) {
        whole = inOrder;
        if (contention === "serial" && hasTies(decoder)) return { decisions: [], memory: undefined };
        for (const [stage, { key }] of scene.stages.entries()) found.endsUs.set(key, decoder.endsUs[stage]!);
      }
    }
    return {
      decisions: act(view, whole, decoder, { prefetch: loadsAhead, preload: false }, noDemand),
      memory: toRemember(scene, whole),
    };
  };
  return { plan, whenIdle: true, summary: "a plan drawn by lot" };
}

test.for<[string, Case]>([
  ["loads ahead of need", { loadsAhead: true, contention: "none", pairs: true }],
  ["loads when needed", { loadsAhead: false, contention: "none", pairs: true }],
  // Shares of one stage may fetch at two times, and have one place in the order.
  ["ways that serve one transfer after another", { loadsAhead: true, contention: "serial", pairs: false }],
])("the simulator ends every stage when the decoder says so, with %s", ([, each]) => {
  let compared = 0;
  for (let seed = 1; seed <= 25; seed++) {
    const world = randomWorld(seed);
    const found: Prediction = { endsUs: new Map() };
    const ends = new Map<string, number>();
    simulate({
      ...world,
      cluster: exclusively(world.cluster, each.contention),
      workflows: world.workflows.map(withoutDoubt),
      policy: follower(seed, each, found),
      calibration: plainCalibration,
      onEvent: (event: JournalEvent) => {
        if (event.kind === "stage-end") ends.set(event.stage, event.atUs);
      },
    });
    // What waits for an input that no way leads to never ends.
    const predicted = [...found.endsUs].filter(([key, endUs]) => endUs < neverUs && ends.has(key));
    expect({ seed, ends: predicted.map(([key]) => [key, ends.get(key)]) }).toEqual({ seed, ends: predicted });
    compared += predicted.length;
  }
  expect(compared).toBeGreaterThan(100);
});
