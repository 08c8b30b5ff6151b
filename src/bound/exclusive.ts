/**
 * Bounds for a workflow on engines that run one share at a time, and what they were worked out from: least times, paths with
 * crowds, and work by place. `docs/bounds.md` says why each holds.
 */

import type { CostModel } from "../cost/cost-model.ts";
import type { ModelId } from "../model/model.ts";
import { nobody, toCacheable, type Foreign } from "./cacheable.ts";
import { leastSpanUs, type Loads, type Work } from "./capacity.ts";
import { toCrowds } from "./crowds.ts";
import { firstTouches } from "./first-touch.ts";
import { findPaths, toTimes, type Paths } from "./paths.ts";
import type { Places } from "./places.ts";
import { toWork, within, type StageWork } from "./stage-work.ts";
import { pickThresholds } from "./thresholds.ts";
import type { TrueStage } from "./true-workflow.ts";

export type Given = {
  /** No model but those that the description names, empty caches, nobody else. */
  readonly cold: boolean;
  readonly retained: boolean;
  readonly foreign: Foreign;
};

export type ExclusiveBound = {
  readonly work: readonly StageWork[];
  readonly paths: Paths;
  /** Work, and loads that cannot be avoided, over capacity. */
  readonly workUs: number;
  readonly windowUs: number;
};

export function boundExclusive(
  stages: readonly TrueStage[],
  places: Places,
  costs: CostModel,
  { cold, retained, foreign: known }: Given,
): ExclusiveBound {
  const foreign = cold ? nobody : known;
  const cacheable = toCacheable(stages, foreign);
  const times = toTimes(stages, places, cacheable, { cold, retained });
  const cachedOf = (index: number) => ({ links: cacheable(index), retained });
  const work = toWork(stages, times, places, firstTouches(stages, places, cachedOf, foreign));
  const loads = cold ? loadsFrom(places) : undefined;
  const paths = findPaths(stages, places, times, toCrowds(stages, work, places, loads));
  if (paths.longestUs === Infinity) return { work, paths, workUs: Infinity, windowUs: Infinity };
  const all = cold ? work : [...work, ...unavoidableLoads(stages, places, costs)];
  const workUs = leastSpanUs(all, places, loads, paths.longestUs, cold ? 100 : 60);
  return { work, paths, workUs, windowUs: widestWindowUs(work, places, paths, loads) };
}

function loadsFrom(places: Places): Loads {
  const loadUs = (model: ModelId): number[] =>
    places.all.map((place) => (place.resident.has(model) ? 0 : (place.costs.models.get(model)?.loadUs ?? Infinity)));
  return { loadUs };
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
  loads: Loads | undefined,
): number {
  let widestUs = 0;
  const own = work.flatMap(({ stages }) => (stages.length === 1 ? stages : []));
  for (const head of pickThresholds(
    own.map((index) => headUs[index] ?? 0),
    mostThresholds,
  )) {
    for (const tail of pickThresholds(
      own.map((index) => tailUs[index] ?? 0),
      mostThresholds,
    )) {
      if (head === 0 && tail === 0) continue;
      const inside = within(work, (index) => (headUs[index] ?? 0) >= head && (tailUs[index] ?? 0) >= tail);
      if (inside.length < 2) continue;
      const least = Math.max(widestUs, longestUs) - head - tail;
      // Loads may lie before a window that begins late.
      const known = head === 0 ? loads : undefined;
      const spanUs = leastSpanUs(inside, places, known, least, known === undefined ? 60 : 100);
      widestUs = Math.max(widestUs, head + spanUs + tail);
    }
  }
  return widestUs;
}
