/**
 * Bounds that no policy's latency undercuts, for a workflow alone on a cluster, by what is known afterwards: true lengths,
 * tools and branches. `docs/bounds.md` says why each holds and how tight they are.
 */

import type { Calibration } from "../cost/calibration.ts";
import { createCostModel, type CostModel } from "../cost/cost-model.ts";
import { shippedCalibration } from "../cost/shipped-calibration.ts";
import { createBestCases, type BestCases } from "../measure/best-case.ts";
import type { Cluster } from "../model/cluster.ts";
import type { Model, ModelId } from "../model/model.ts";
import type { Workflow, WorkflowId } from "../model/workflow.ts";
import { leastSpanUs, type Work } from "./capacity.ts";
import { cacheableCold, cacheableWarm } from "./least-times.ts";
import { findPaths, toTimes, type Paths, type Times } from "./paths.ts";
import { toPlaces, type Places } from "./places.ts";
import { toTrueStages, type TrueStage } from "./true-workflow.ts";

/** `cold`: the cluster is as its description says and caches are empty. `any`: whatever earlier or other workflows left or leave. */
export type Start = "cold" | "any";

export type BoundTerms = {
  /** The longest path. */
  readonly pathUs: number;
  /** Work, and loads from a cold start, over capacity. */
  readonly workUs: number;
  /** Work between the earliest begin and the least remaining time of a set of stages, with both. */
  readonly windowUs: number;
};

export type Bound = {
  readonly workflow: WorkflowId;
  /** The largest of the terms; infinite if some stage can run nowhere. */
  readonly lowerUs: number;
  readonly terms: BoundTerms;
};

export type BoundOptions = {
  readonly start?: Start;
  /**
   * Whether policies may retain prefixes, which then stay cached beyond what KV memory has room for; they may unless said. For
   * policies that retain nothing the bound is higher.
   */
  readonly retained?: boolean;
  readonly calibration?: Calibration;
};

/** A bound for the latency of each workflow, in order. */
export function boundsOf(
  workflows: readonly Workflow[],
  models: readonly Model[],
  cluster: Cluster,
  { calibration = shippedCalibration, ...options }: BoundOptions = {},
): readonly Bound[] {
  const bound = createBounds(createCostModel(cluster, models, calibration));
  return workflows.map((workflow) => bound(workflow, options));
}

export function createBounds(
  costs: CostModel,
): (workflow: Workflow, options?: Omit<BoundOptions, "calibration">) => Bound {
  const places = toPlaces(costs);
  const bestCases = createBestCases(costs);
  return (workflow, { start = "any", retained = true } = {}) => {
    const stages = toTrueStages(workflow);
    const terms = places.exclusive
      ? exclusiveTerms(stages, places, costs, { cold: start === "cold", retained })
      : sharedTerms(stages, places, bestCases);
    const lowerUs = Math.max(terms.pathUs, terms.workUs, terms.windowUs);
    return { workflow: workflow.id, lowerUs, terms };
  };
}

function exclusiveTerms(
  stages: readonly TrueStage[],
  places: Places,
  costs: CostModel,
  given: { readonly cold: boolean; readonly retained: boolean },
): BoundTerms {
  const { cold } = given;
  const cacheable = cold ? cacheableCold(stages) : cacheableWarm(stages);
  const times = toTimes(stages, places, cacheable, given);
  const paths = findPaths(stages, places, times);
  if (paths.longestUs === Infinity) return { pathUs: Infinity, workUs: Infinity, windowUs: Infinity };
  const work = toWork(stages, times, places);
  const loadUs = (model: ModelId): number[] =>
    places.all.map((place) => (place.resident.has(model) ? 0 : (place.costs.models.get(model)?.loadUs ?? Infinity)));
  const loads = cold ? { loadUs } : undefined;
  const spared = cold ? [] : unavoidableLoads(stages, places, costs);
  const all = [...work.map(({ item }) => item), ...spared];
  const workUs = leastSpanUs(all, places, loads, paths.longestUs, cold ? 100 : 60);
  return { pathUs: paths.longestUs, workUs, windowUs: widestWindowUs(work, places, paths, loads) };
}

type StageWork = { readonly index: number; readonly item: Work };

function toWork(stages: readonly TrueStage[], times: Times, places: Places): StageWork[] {
  return stages.flatMap((node, index) => {
    if (node.kind !== "model") return [];
    const at = times[index] ?? [];
    const workUs = places.all.map((_, place) => at[place]?.workUs ?? Infinity);
    return [{ index, item: { model: node.stage.model, workUs } }];
  });
}

/** Models that cannot all lie ready, as the smallest loads of so many of them: as work of a model of its own each. */
function unavoidableLoads(stages: readonly TrueStage[], places: Places, costs: CostModel): Work[] {
  const used = new Set(stages.flatMap((node) => (node.kind === "model" ? [node.stage.model] : [])));
  let room = 0;
  for (const { memoryBytes, models, engine } of costs.engines) {
    const sizes = [...used]
      .flatMap((model) => models.get(model)?.footprintBytes ?? [])
      .sort((left, right) => left - right);
    let leftBytes = memoryBytes;
    let held = 0;
    for (const bytes of sizes) {
      if (held === engine.maxResident || bytes > leftBytes) break;
      leftBytes -= bytes;
      held += 1;
    }
    room += held;
  }
  const missing = Math.max(0, used.size - room);
  const leastOf = (model: ModelId): number =>
    Math.min(...places.all.map(({ costs: { models } }) => models.get(model)?.loadUs ?? Infinity));
  return [...used]
    .map(leastOf)
    .sort((left, right) => left - right)
    .slice(0, missing)
    .map((us, index) => ({ model: `load ${index}`, workUs: places.all.map(() => us) }));
}

/** Heads and tails at which windows begin and end, at most. */
const mostThresholds = 6;

/** All stages that begin at `a` at the earliest and have `b` to follow share what lies between. */
function widestWindowUs(
  work: readonly StageWork[],
  places: Places,
  { headUs, tailUs, longestUs }: Paths,
  loads: Parameters<typeof leastSpanUs>[2],
): number {
  let widestUs = 0;
  for (const head of thresholds(work.map(({ index }) => headUs[index] ?? 0))) {
    for (const tail of thresholds(work.map(({ index }) => tailUs[index] ?? 0))) {
      if (head === 0 && tail === 0) continue;
      const inside = work.filter(({ index }) => (headUs[index] ?? 0) >= head && (tailUs[index] ?? 0) >= tail);
      if (inside.length < 2) continue;
      const least = Math.max(widestUs, longestUs) - head - tail;
      // Loads may lie before a window that begins late.
      const known = head === 0 ? loads : undefined;
      const spanUs = leastSpanUs(
        inside.map(({ item }) => item),
        places,
        known,
        least,
        known === undefined ? 16 : 30,
      );
      widestUs = Math.max(widestUs, head + spanUs + tail);
    }
  }
  return widestUs;
}

/** 0, and values at even steps among the different ones. */
function thresholds(values: readonly number[]): readonly number[] {
  const sorted = [...new Set(values)].sort((left, right) => left - right);
  if (sorted.length <= mostThresholds) return sorted.includes(0) ? sorted : [0, ...sorted];
  const picked = new Set([0]);
  for (let step = 0; step < mostThresholds; step++)
    picked.add(sorted[Math.floor((step * (sorted.length - 1)) / mostThresholds)] ?? 0);
  return [...picked];
}

/** Where engines batch or hand over, a stage has one least time for all engines, and no load or transfer is counted. */
function sharedTerms(stages: readonly TrueStage[], places: Places, bestCases: BestCases): BoundTerms {
  const endUs: number[] = [];
  let pathUs = 0;
  let totalUs = 0;
  for (const [index, node] of stages.entries()) {
    let readyUs = 0;
    for (const parent of node.parents) readyUs = Math.max(readyUs, endUs[parent.index] ?? 0);
    let leastUs = node.kind === "tool" ? node.toolUs : 0;
    if (node.kind === "model") {
      const best = bestCases(node.stage, node.stage.outputTokens);
      leastUs = best?.leastUs ?? Infinity;
      totalUs += best?.leastWorkUs ?? Infinity;
    }
    endUs[index] = readyUs + leastUs;
    pathUs = Math.max(pathUs, readyUs + leastUs);
  }
  return { pathUs, workUs: Math.floor(totalUs / places.engineCount), windowUs: 0 };
}
