/** The decoder for batched engines against the simulator: a plan carried out step by step ends every stage when the decoder said it would. */

import { expect, test } from "vitest";
import type { Batching, Cluster } from "../../../src/model/cluster.ts";
import type { JournalEvent } from "../../../src/model/event.ts";
import { createHoldings } from "../../../src/model/holding.ts";
import type { Model } from "../../../src/model/model.ts";
import { gigabytes } from "../../../src/model/units.ts";
import { act } from "../../../src/policy/foresight/act.ts";
import { layBatches } from "../../../src/policy/foresight/batched/lay.ts";
import { byTurn, leaveOpen } from "../../../src/policy/foresight/constructions.ts";
import { noDemand } from "../../../src/policy/foresight/demand.ts";
import { withModelsApart } from "../../../src/policy/models-apart.ts";
import { lookOut } from "../../../src/policy/foresight/outlook.ts";
import {
  parentsFirst,
  recall,
  toRemember,
  type PlanMemory,
  type WholePlan,
} from "../../../src/policy/foresight/plan.ts";
import type { Scene } from "../../../src/policy/foresight/scene.ts";
import { foresightDefaults } from "../../../src/policy/foresight/settings.ts";
import { neverUs } from "../../../src/policy/foresight/transfers.ts";
import type { PolicyEntry, View } from "../../../src/policy/policy.ts";
import { drawOne } from "../../../src/random/distributions.ts";
import { createRng, type Rng } from "../../../src/random/rng.ts";
import { simulate } from "../../../src/sim/simulate.ts";
import { cluster, dag } from "../../support/build.ts";
import { plainCalibration } from "../../support/plain-calibration.ts";
import { randomWorld } from "../../support/random-world.ts";
import { runPlain } from "../../support/run-plain.ts";
import { sharingNothing, withoutDoubt } from "../../support/without-doubt.ts";

type Case = {
  readonly loadsAhead: boolean;
  readonly batching: Batching;
  readonly open: boolean;
  /** Of each model; absent: that of the drawn cluster. With little, what stays cached is only nearly known, so that no prompts share anything then. */
  readonly kvBytes?: number;
  /** There is enough of it that prompts may share all the same. */
  readonly sharing?: boolean;
  /** Every other engine holds three models for good, and runs them side by side. */
  readonly mixing?: boolean;
};

const chunked: Batching = { kind: "batched", maxSequences: 6, prefillTokens: 2048, chunkedPrefill: true };
const unchunked: Batching = { kind: "batched", maxSequences: 16, prefillTokens: 4096, chunkedPrefill: false };

const enough = { kvBytes: gigabytes(8), sharing: true };

function batching(described: Cluster, { batching: kind, kvBytes, mixing }: Case, models: readonly Model[]): Cluster {
  const memory = kvBytes === undefined ? {} : { kvBytes };
  const engines = described.engines.map((engine) => ({ ...engine, ...memory, role: "both", batching: kind }) as const);
  const plain: Cluster = { ...described, contention: "none", engines };
  if (mixing !== true) return plain;
  const held = createHoldings(plain, models).map((holding) => [...holding.models.keys()].slice(0, 3));
  const all = engines.map((engine, index) => {
    const own = held[index] ?? [];
    if (index % 2 === 1 || own.length === 0) return engine;
    const mixes = { ...kind, mixesModels: true } as Batching;
    return { ...engine, batching: mixes, models: own, resident: own, maxResident: own.length };
  });
  return { ...plain, engines: all };
}

/** Any order and any placements; those of one model often follow each other. */
function drawPlan(scene: Scene, rng: Rng): WholePlan {
  const together = rng.next() < 0.5;
  const shuffled = byTurn(scene)
    .map((stage) => ({ stage, at: (together ? 10 * scene.modelOf[stage]! : 0) + rng.next() }))
    .sort((left, right) => left.at - right.at)
    .map(({ stage }) => stage);
  const told = Int32Array.from(scene.stages, (_, stage) =>
    scene.able[stage]!.length === 0 ? -1 : drawOne(rng, scene.able[stage]!),
  );
  return { order: parentsFirst(scene, shuffled), told };
}

type Prediction = { readonly endsUs: Map<string, number> };

/** Draws a plan when first asked and then does what it says. */
function follower(seed: number, { loadsAhead, open }: Case, found: Prediction): PolicyEntry {
  const settings = { ...foresightDefaults, spread: 0, prefetch: loadsAhead, preload: false };
  const plan = (view: View) => {
    const before = view.memory as PlanMemory | undefined;
    const decoder = layBatches(view, lookOut(view, undefined), settings, noDemand);
    const { scene } = decoder;
    let whole = before === undefined ? drawPlan(scene, createRng(seed, "plan")) : recall(scene, before, [], false);
    if (before === undefined && open) whole = decoder.settle(leaveOpen(scene, byTurn(scene), false));
    decoder.decode(whole.order, whole.told);
    if (before === undefined)
      for (const [stage, { key }] of scene.stages.entries()) found.endsUs.set(key, decoder.endsUs[stage]!);
    return {
      decisions: act(view, whole, decoder, settings, noDemand, decoder.startsOf(whole)),
      memory: toRemember(scene, whole),
    };
  };
  return { plan: withModelsApart(plan), whenIdle: true, summary: "a plan drawn by lot" };
}

test.for<[string, Case]>([
  ["chunked prefill and loads ahead of need", { loadsAhead: true, batching: chunked, open: false }],
  ["chunked prefill and loads when needed", { loadsAhead: false, batching: chunked, open: false }],
  ["whole prompts", { loadsAhead: true, batching: unchunked, open: false }],
  ["prompts bounded in time", { loadsAhead: true, batching: { ...unchunked, prefillUs: 100_000 }, open: false }],
  ["little KV memory", { loadsAhead: true, batching: unchunked, open: false, kvBytes: gigabytes(1.5) }],
  ["stages where they end first", { loadsAhead: true, batching: chunked, open: true, ...enough }],
  ["models side by side", { loadsAhead: true, batching: chunked, open: false, kvBytes: gigabytes(2), mixing: true }],
  [
    "these where they end first",
    { loadsAhead: true, batching: unchunked, open: true, kvBytes: gigabytes(2), mixing: true },
  ],
])("the simulator ends every stage when the decoder says so, with %s", ([, each]) => {
  let compared = 0;
  for (let seed = 1; seed <= 15; seed++) {
    const world = randomWorld(seed);
    const workflows = world.workflows.map(withoutDoubt);
    const found: Prediction = { endsUs: new Map() };
    const ends = new Map<string, number>();
    simulate({
      ...world,
      cluster: batching(world.cluster, each, world.models),
      workflows: each.kvBytes === undefined || each.sharing === true ? workflows : workflows.map(sharingNothing),
      policy: follower(seed, each, found),
      calibration: plainCalibration,
      onEvent: (event: JournalEvent) => {
        if (event.kind === "stage-end") ends.set(event.stage, event.atUs);
      },
    });
    const predicted = [...found.endsUs].filter(([key, endUs]) => endUs < neverUs && ends.has(key));
    expect({ seed, ends: predicted.map(([key]) => [key, ends.get(key)]) }).toEqual({ seed, ends: predicted });
    compared += predicted.length;
  }
  expect(compared).toBeGreaterThan(60);
});

/** When each stage joins the batch of one engine, in seconds after the first, if the engine is given them in this order. */
function joins(drawing: string, order: string, promptTokens: (id: string) => number): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  const flow = dag(drawing, (id) => ({
    ...(id === "d" ? { parents: [] } : {}),
    prompt: [{ kind: "own", tokens: promptTokens(id) }],
  }));
  const plan = (view: View) => {
    const decoder = layBatches(view, lookOut(view, undefined), foresightDefaults, noDemand);
    const { scene } = decoder;
    if (Object.keys(found).length > 0) return { decisions: [] };
    const numbers = order.split(" ").map((id) => scene.stages.findIndex(({ key }) => key === `w/${id}`));
    decoder.decode(Int32Array.from(numbers), new Int32Array(numbers.length));
    const firstUs = Math.min(...decoder.beginsUs);
    for (const number of numbers)
      found[scene.stages[number]!.key.slice(2)] = (decoder.beginsUs[number]! - firstUs) / 1e6;
    return { decisions: [] };
  };
  const tight = cluster("h100", { batching: unchunked, kvBytes: gigabytes(1), resident: ["llama-3.1-8b"] });
  runPlain({ policy: { plan, summary: "a look" }, workflows: [flow], cluster: tight });
  return found;
}

test("who is not ready is passed by, who does not fit keeps those behind it waiting", () => {
  const size = (id: string): number => (id === "b" ? 6000 : 2000);
  const passed = joins("a -> c, d", "a c d", size);
  expect(passed).toMatchObject({ a: 0, d: 0 });
  expect(passed["c"]).toBeGreaterThan(0);
  expect(joins("a, b, d", "a d b", size)).toMatchObject({ a: 0, d: 0 });
  const blocked = joins("a, b, d", "a b d", size);
  expect(blocked["b"]).toBeGreaterThan(0);
  expect(blocked["d"]).toBeGreaterThanOrEqual(blocked["b"]!);
});
