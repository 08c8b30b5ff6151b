/** Runs that do everything there is: a policy that decides by luck alone, on clusters and workloads with every feature. */

import type { Journal } from "../../src/journal/journal.ts";
import type { Cluster, Engine } from "../../src/model/cluster.ts";
import type { Decision } from "../../src/model/decision.ts";
import { gigabytes } from "../../src/model/units.ts";
import type { VisibleModelStage } from "../../src/model/visible.ts";
import type { ModelStage, Segment, Stage, Workflow } from "../../src/model/workflow.ts";
import { feasibleEngines } from "../../src/policy/choose.ts";
import type { PolicyEntry, View } from "../../src/policy/policy.ts";
import { canServe } from "../../src/cost/candidate.ts";
import { createRng, type Rng } from "../../src/random/rng.ts";
import type { EngineState } from "../../src/state/engine-state.ts";
import { batched, cluster, exclusive, llm, runUnchecked } from "../support/build.ts";

const modelIds = ["llama-3.1-8b", "qwen3-32b-int4", "embed-1.2b"] as const;

/** Places, shards, hands over, defers, prefetches, evicts and retains at random. */
const wildPolicy: PolicyEntry = {
  summary: "luck",
  whenIdle: true,
  plan: (view) => {
    const decisions: Decision[] = view.ready.map((stage) => placeWildly(view, stage));
    if (view.rng.next() < 0.2) decisions.push(...disturb(view));
    return { decisions };
  },
};

export function placeWildly({ rng, ...view }: View, stage: VisibleModelStage): Decision {
  const able = feasibleEngines(view, stage);
  const first = able[rng.below(Math.max(1, able.length))];
  if (first === undefined) return { kind: "defer", stage: stage.key, reason: "no-engine" };
  if (rng.next() < 0.1)
    return { kind: "defer", stage: stage.key, reason: "better-later", untilUs: view.nowUs + 1 + rng.below(500_000) };
  const rank = rng.below(3);
  const victims = rng.next() < 0.5 ? {} : { victims: [modelIds[rng.below(3)] ?? modelIds[0]] };
  const base = { kind: "place", stage: stage.key, rank, ...victims } as const;
  const whole = { ...base, shares: [{ engine: first.id, items: stage.items }] };
  const mustPair = first.role === "prefill" && stage.kind !== "embed";
  if (mustPair || (rng.next() < 0.3 && stage.kind !== "embed")) {
    const decoders = [...view.cluster].filter(
      (engine) => engine.open && engine.role !== "prefill" && canServe(stage, engine),
    );
    const second = decoders[rng.below(Math.max(1, decoders.length))];
    if (second === undefined) return { kind: "defer", stage: stage.key, reason: "no-engine" };
    return { ...whole, decodeEngine: second.id };
  }
  const roles = able.filter((engine) => engine.role === "both");
  const shards = Math.min(stage.items, roles.length, 1 + rng.below(3));
  if (shards < 2) return whole;
  const engines = roles.slice(rng.below(roles.length - shards + 1)).slice(0, shards);
  const part = Math.floor(stage.items / shards);
  const shares = engines.map((engine, index) => ({
    engine: engine.id,
    items: index === 0 ? stage.items - part * (shards - 1) : part,
  }));
  return { ...base, shares, reason: "luck" };
}

function disturb({ rng, cluster: engines, nowUs }: View): Decision[] {
  const engine = engines.at(rng.below(engines.count));
  const model = modelIds[rng.below(3)] ?? modelIds[0];
  if (!engine.holding.models.has(model)) return [];
  const draw = rng.next();
  if (draw < 0.4) return [{ kind: "prefetch", engine: engine.id, model }];
  if (draw < 0.5) return [{ kind: "evict", engine: engine.id, model }];
  return [{ kind: "retain", engine: engine.id, model, hash: hashOn(engine), untilUs: nowUs + 5_000_000 }];
}

function hashOn(engine: EngineState): number {
  return engine.running[0]?.stage.chain[0]?.hash ?? 1;
}

/** Graphs of a few layers with shared prompts, parents' outputs, items, embeddings and tools. */
export function wildWorkflows(seed: number, count: number, gapUs = 800_000): Workflow[] {
  const rng = createRng(seed, "workflows");
  return Array.from({ length: count }, (_, index): Workflow => {
    const stages: Stage[] = [];
    const layers = 2 + rng.below(3);
    let above: string[] = [];
    for (let layer = 0; layer < layers; layer++) {
      const names: string[] = [];
      for (let place = 0; place <= rng.below(3); place++) {
        const stage = wildStage(rng, `s${layer}-${place}`, index, above, stages);
        stages.push(stage);
        names.push(stage.id);
      }
      above = names;
    }
    return {
      id: `w${index}`,
      arrivalUs: Math.floor(index / 2) * gapUs,
      reveal: index % 3 === 0 ? "online" : "static",
      stages,
      ...(index % 2 === 0 ? { class: "even", deadlineUs: 60_000_000 } : { tenant: "odd", sloScale: 2.5 }),
    };
  });
}

function wildStage(rng: Rng, id: string, index: number, above: readonly string[], before: readonly Stage[]): Stage {
  const parents = above.filter(() => rng.next() < 0.8).map((stage) => ({ stage, bytes: 1 + rng.below(50_000_000) }));
  const draw = rng.next();
  if (draw < 0.15) return { id, kind: "tool", parents, priority: 0, estimateUs: 300_000, actualUs: rng.below(700_000) };
  const readable = parents.filter(({ stage }) => before.some((other) => other.id === stage && other.kind === "llm"));
  const prompt: Segment[] = [
    { kind: "text", key: "system", tokens: 800 },
    ...(rng.next() < 0.5
      ? [{ kind: "text", key: `context-${index}`, tokens: 500 + ((index * 977) % 5000) } as const]
      : []),
    ...readable.filter(() => rng.next() < 0.7).map(({ stage }): Segment => ({ kind: "output", stage })),
    ...(rng.next() < 0.8 ? [{ kind: "own", tokens: 1 + rng.below(2000) } as const] : []),
  ];
  const base = { id, parents, priority: 0, prompt };
  if (draw < 0.25) {
    const output = { estimate: 0, actual: 0, limit: 0 };
    return { ...base, kind: "embed", model: "embed-1.2b", output, items: 1 + rng.below(4) };
  }
  const actual = 1 + rng.below(600);
  const output = { estimate: 1 + rng.below(300), actual, limit: 900 };
  const model = modelIds[rng.below(2)] ?? modelIds[0];
  return { ...base, kind: "llm", model, output, items: draw < 0.5 ? 2 + rng.below(20) : 1 } satisfies ModelStage;
}

/** Short prompts and long answers of one model: what makes batches run out of KV memory. */
export function tightWorkflows(seed: number, count: number): Workflow[] {
  const rng = createRng(seed, "tight");
  return Array.from({ length: count }, (_, index): Workflow => {
    const stage = (id: string, items: number, parents: ModelStage["parents"]): ModelStage =>
      llm(id, {
        parents,
        items,
        prompt: [
          { kind: "text", key: "system", tokens: 100 },
          { kind: "own", tokens: 20 * items + rng.below(200) },
        ],
        output: { estimate: 50 * items, actual: items * (20 + rng.below(400)), limit: 450 * items },
      });
    const first = stage("a", 1, []);
    const second = stage("b", 1 + rng.below(6), [{ stage: "a", bytes: 1000 }]);
    return { id: `w${index}`, arrivalUs: index * 20_000, reveal: "static", stages: [first, second] };
  });
}

/** Stages of which many turn out not to run, whole first layers and last ones too. */
function branchedWorkflows(seed: number, count: number): Workflow[] {
  const rng = createRng(seed, "branches");
  return wildWorkflows(seed, count, 300_000).map((workflow) => ({
    ...workflow,
    stages: workflow.stages.map((stage) => {
      const chance = [0, 0.3, 0.7][rng.below(3)] ?? 1;
      const runs = rng.next() < chance;
      return rng.next() < 0.4 ? { ...stage, branch: { chance, runs } } : stage;
    }),
  }));
}

type Shape = { readonly engines: readonly Partial<Engine>[]; readonly rest?: Partial<Cluster> };

export function wildCluster(kinds: string, { engines, rest = {} }: Shape): Cluster {
  const base = cluster(kinds);
  return {
    ...base,
    ...rest,
    engines: base.engines.map((engine, index) => ({ ...engine, ...engines[index % engines.length] })),
  };
}

const whole = { ...batched, kind: "batched", maxSequences: 6, prefillTokens: 3000, chunkedPrefill: false } as const;
const chunked = { ...batched, kind: "batched", maxSequences: 8, prefillTokens: 512, chunkedPrefill: true } as const;
const someLinks = [
  { from: "host-0", to: "host-1", bytesPerSecond: gigabytes(2), latencyUs: 50 },
  { from: "host-1", to: "host-0", bytesPerSecond: gigabytes(1), latencyUs: 70 },
  { from: "host-1", to: "host-2", bytesPerSecond: gigabytes(1), latencyUs: 50 },
];
const store = { bytesPerSecond: gigabytes(0.4), latencyUs: 5000 };
const mixing = { ...chunked, mixesModels: true } as const;
const holdsAll = { resident: modelIds, maxResident: 3, kvBytes: gigabytes(2.5) };
const swapping = { maxResident: 2, kvBytes: gigabytes(6) };
const faults = {
  crashEveryUs: 40e6,
  crashForUs: 4e6,
  slowEveryUs: 15e6,
  slowForUs: 8e6,
  slowFactor: 2.5,
  lossChance: 0.05,
};

/** Held against no law yet: that is for the tests that look whether they hold. */
export const wildRuns: Readonly<Record<string, (seed: number, count?: number) => Journal>> = {
  exclusive: (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildPolicy,
      workflows: wildWorkflows(seed, count),
      cluster: wildCluster("h100 a100 l40s h100", {
        engines: [
          { batching: exclusive, resident: ["llama-3.1-8b"] },
          { ...swapping },
          { batching: { kind: "exclusive", maxSequences: 3 } },
        ],
        rest: { links: someLinks, store },
      }),
      faults: { ...faults, staleUs: 50_000 },
    }),
  chunked: (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildPolicy,
      workflows: wildWorkflows(seed, count, 300_000),
      cluster: wildCluster("h100 a100 h100", {
        engines: [
          { batching: chunked },
          { batching: chunked, ...swapping },
          { batching: chunked, kvBytes: gigabytes(1.6), maxResident: 3 },
        ],
        rest: { links: someLinks, store },
      }),
      faults,
    }),
  whole: (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildPolicy,
      workflows: wildWorkflows(seed, count, 300_000),
      cluster: wildCluster("h100 a100", { engines: [{ batching: whole }, { batching: whole, ...swapping }] }),
    }),
  tight: (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildPolicy,
      workflows: tightWorkflows(seed, count),
      cluster: wildCluster("h100 h100", {
        engines: [
          { batching: { ...chunked, maxSequences: 32 }, kvBytes: gigabytes(0.8) },
          { batching: { ...whole, maxSequences: 32 }, kvBytes: gigabytes(0.8) },
        ],
      }),
      faults: { lossChance: 0.05, slowEveryUs: 5e6, slowForUs: 2e6, slowFactor: 1.5 },
    }),
  branched: (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildPolicy,
      workflows: branchedWorkflows(seed, count),
      cluster: wildCluster("h100 a100 h100", {
        engines: [
          { batching: exclusive, resident: ["llama-3.1-8b"] },
          { batching: chunked, ...swapping },
        ],
        rest: { links: someLinks, store, contention: "none" },
      }),
      faults: { ...faults, staleUs: 50_000 },
    }),
  pairs: (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildPolicy,
      workflows: wildWorkflows(seed, count, 400_000),
      cluster: wildCluster("h100 h100 a100 a100", {
        engines: [
          { role: "prefill", batching: chunked },
          { role: "decode", batching: { ...chunked, maxSequences: 24 } },
          { role: "prefill" },
          { role: "decode", prefixTokens: 4000 },
        ],
      }),
      faults,
    }),
  mixing: (seed, count = 30) =>
    runUnchecked({
      seed,
      policy: wildPolicy,
      workflows: wildWorkflows(seed, count, 200_000),
      cluster: wildCluster("h200 h100 h200 h100", {
        engines: [
          { batching: mixing, ...holdsAll },
          { batching: { ...whole, mixesModels: true }, ...swapping },
          { batching: { ...mixing, maxSequences: 40 }, ...holdsAll, role: "prefill" },
          { batching: { ...mixing, maxSequences: 24 }, ...holdsAll, kvBytes: gigabytes(2), role: "decode" },
        ],
        rest: { store },
      }),
      faults,
    }),
};
