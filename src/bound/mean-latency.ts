/**
 * A bound for the mean latency of workflows that arrive over time and wait for each other. Let places charge prices per microsecond of
 * engine time, of all engines together 1, so that any plan spends no more than 1 a microsecond. A workflow's stages that begin at
 * `a` at the earliest and have `b` to follow cost at least what each does at its cheapest place; so that much is spent between
 * `a` after its arrival and `b` before its end. One machine of speed 1 with these jobs is a relaxation of the cluster, and there
 * serving the shortest first makes the sum of ends least. That holds whatever the prices, and for any `a` and `b` of each workflow; a
 * search looks for those that make the sum large. A job without work, which is released when the workflow could end if it were alone,
 * is one of the choices, so the bound is never below the mean of those.
 */

import { shippedCalibration } from "../cost/shipped-calibration.ts";
import { createCostModel } from "../cost/cost-model.ts";
import type { Cluster } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";
import type { Workflow } from "../model/workflow.ts";
import { createBounds, type Bound, type BoundOptions } from "./bounds.ts";
import { theseOthers } from "./cacheable.ts";
import { toPlaces, type Places } from "./places.ts";
import { shortestFirst, type Job } from "./shortest-first.ts";
import { within, type StageWork } from "./stage-work.ts";
import { pickThresholds } from "./thresholds.ts";

export type MeanLatency = {
  /** The mean of what each could take if it were alone. */
  readonly aloneUs: number;
  /** That, or more if they have to wait for each other. */
  readonly togetherUs: number;
};

/** Stages of a workflow between two times, for one job. */
type Window = {
  readonly releaseUs: number;
  readonly tailUs: number;
  readonly work: readonly StageWork[];
  /** At any prices, where work is not told apart by place. */
  readonly flatUs: number;
};

/** Begins, and least remaining times, that are tried for a workflow. */
const mostThresholds = 6;
const priceRounds = 100;
const turns = 3;
const mostSweeps = 3;
/** Beyond so many workflows, windows are not chosen for each, but for all. */
const mostChosen = 64;

/** Infinite if some workflow cannot end. No others run, before or beside, than these. */
export function boundMeanLatency(
  workflows: readonly Workflow[],
  models: readonly Model[],
  cluster: Cluster,
  { calibration = shippedCalibration, ...options }: Omit<BoundOptions, "start"> = {},
): MeanLatency {
  const costs = createCostModel(cluster, models, calibration);
  const places = toPlaces(costs);
  const boundOf = createBounds(costs);
  const foreign = theseOthers(workflows);
  const bounds = workflows.map((workflow) => boundOf(workflow, { ...options, foreign }));
  const count = Math.max(1, workflows.length);
  const aloneUs = Math.floor(bounds.reduce((sum, { lowerUs }) => sum + lowerUs, 0) / count);
  if (aloneUs === Infinity) return { aloneUs, togetherUs: Infinity };
  const windows = workflows.map(({ arrivalUs }, index) => toWindows(arrivalUs, bounds[index] as Bound));
  let arrivalsUs = 0;
  for (const { arrivalUs } of workflows) arrivalsUs += arrivalUs;
  const sumUs = largestSum(windows, places) - arrivalsUs;
  // Sums of many floats end some way below a microsecond off.
  return { aloneUs, togetherUs: Math.max(aloneUs, Math.floor((sumUs - 1) / count)) };
}

/** The first is the workflow alone, the second all of its work. */
function toWindows(arrivalUs: number, { lowerUs, terms, exclusive }: Bound): readonly Window[] {
  const alone = { releaseUs: arrivalUs + lowerUs, tailUs: 0, work: [], flatUs: 0 };
  if (exclusive === undefined) return [alone, { releaseUs: arrivalUs, tailUs: 0, work: [], flatUs: terms.workUs }];
  const { work, paths } = exclusive;
  const whole = { releaseUs: arrivalUs, tailUs: 0, work, flatUs: 0 };
  const own = work.flatMap(({ stages }) => (stages.length === 1 ? stages : []));
  const headOf = (index: number): number => paths.headUs[index] ?? 0;
  const tailOf = (index: number): number => paths.tailUs[index] ?? 0;
  const windows: Window[] = [alone, whole];
  for (const headUs of pickThresholds(own.map(headOf), mostThresholds))
    for (const tailUs of pickThresholds(own.map(tailOf), mostThresholds)) {
      const inside = within(work, (index) => headOf(index) >= headUs && tailOf(index) >= tailUs);
      // If nothing that begins so late has so much to follow, the two say nothing of one another.
      if (inside.length === 0 || inside.length === work.length) continue;
      windows.push({ releaseUs: arrivalUs + headUs, tailUs, work: inside, flatUs: 0 });
    }
  return windows;
}

/** Of the sums of ends that can be proven, the largest that is found: prices for given windows and windows for given prices, in turn. */
function largestSum(windows: readonly (readonly Window[])[], places: Places): number {
  const counts = places.all.map(({ count }) => count);
  let shares: readonly number[] = counts.map((count) => count / places.engineCount);
  // All work of each: where much waits, it is nearly the best.
  let chosen: readonly number[] = windows.map(() => 1);
  let largest = 0;
  for (let turn = 0; turn < turns; turn++) {
    shares = fitPrices(windows, chosen, counts, shares);
    const prices = toPrices(shares, counts);
    const found = chooseWindows(
      windows.map((each) => toJobs(each, prices)),
      chosen,
    );
    chosen = found.chosen;
    largest = Math.max(largest, found.sumUs);
  }
  return largest;
}

/** Shares of all prices by place, from the given ones to those that make the sum of ends large for these windows. */
function fitPrices(
  windows: readonly (readonly Window[])[],
  chosen: readonly number[],
  counts: readonly number[],
  from: readonly number[],
): readonly number[] {
  let shares = from;
  let best = { shares, sumUs: 0 };
  for (let round = 0; round < priceRounds; round++) {
    const prices = toPrices(shares, counts);
    const jobs = windows.map((each, index) =>
      toJob(each[chosen[index] ?? 0] as Window, (item) => cheapest(item, prices).cost),
    );
    const { sumUs, waiting } = shortestFirst(jobs);
    if (sumUs > best.sumUs) best = { shares, sumUs };
    const spent = new Float64Array(counts.length);
    for (const [index, at] of chosen.entries())
      spend(windows[index]?.[at]?.work ?? [], prices, waiting[index] ?? 0, spent);
    shares = raise(shares, counts, spent, 1.5 / Math.sqrt(round + 1));
  }
  return best.shares;
}

function toPrices(shares: readonly number[], counts: readonly number[]): readonly number[] {
  return shares.map((share, place) => share / (counts[place] ?? 1));
}

function toJobs(windows: readonly Window[], prices: readonly number[]): readonly Job[] {
  const known = new Map<StageWork, number>();
  for (const item of windows[1]?.work ?? []) known.set(item, cheapest(item, prices).cost);
  return windows.map((window) => toJob(window, (item) => known.get(item) ?? 0));
}

function toJob({ releaseUs, tailUs, work, flatUs }: Window, costOf: (item: StageWork) => number): Job {
  let workUs = flatUs;
  for (const item of work) workUs += costOf(item);
  return { releaseUs, workUs, tailUs };
}

type Chosen = { readonly chosen: readonly number[]; readonly sumUs: number };

/** A window for each workflow, one after another the one that makes the sum largest; from those given, or from all alone if that is more. */
function chooseWindows(jobs: readonly (readonly Job[])[], from: readonly number[]): Chosen {
  const sum = (chosen: readonly number[]): Chosen => {
    const { sumUs } = shortestFirst(jobs.map((each, index) => each[chosen[index] ?? 0] as Job));
    return { chosen, sumUs };
  };
  const alone = sum(jobs.map(() => 0));
  let best = sum(from);
  if (alone.sumUs > best.sumUs) best = alone;
  if (jobs.length > mostChosen) return best;
  for (let sweep = 0, moved = true; moved && sweep < mostSweeps; sweep++) {
    moved = false;
    for (const [index, options] of jobs.entries()) {
      for (const at of options.keys()) {
        if (at === best.chosen[index]) continue;
        const other = sum(best.chosen.with(index, at));
        if (other.sumUs <= best.sumUs) continue;
        best = other;
        moved = true;
      }
    }
  }
  return best;
}

function cheapest({ workUs }: StageWork, prices: readonly number[]): { readonly cost: number; readonly place: number } {
  let cost = Infinity;
  let place = -1;
  for (const [at, price] of prices.entries()) {
    const each = (workUs[at] ?? Infinity) * price;
    if (each < cost) [cost, place] = [each, at];
  }
  return { cost, place };
}

/** Adds the engine time of the work where it is cheapest, as often as workflows wait for it. */
function spend(work: readonly StageWork[], prices: readonly number[], weight: number, spent: Float64Array): void {
  for (const item of work) {
    const { place } = cheapest(item, prices);
    spent[place] = (spent[place] ?? 0) + weight * (item.workUs[place] ?? 0);
  }
}

/** Dearer where more is spent on an engine. */
function raise(shares: readonly number[], counts: readonly number[], spent: Float64Array, rate: number): number[] {
  const perEngine = counts.map((count, place) => (spent[place] ?? 0) / count);
  const most = Math.max(...perEngine);
  if (most === 0) return [...shares];
  const raised = shares.map((share, place) =>
    Math.max(1e-9, share * Math.exp((rate * (perEngine[place] ?? 0)) / most)),
  );
  const total = raised.reduce((sum, each) => sum + each, 0);
  return raised.map((each) => each / total);
}
