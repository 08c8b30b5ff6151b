/**
 * A bound by CP-SAT: the workflow with intervals on engines, relaxed so that every run is a solution. Each share takes its least
 * time; a split stage takes its least time and no engine; ways cost nothing; memory holds everything, but a model must be
 * loaded once on each engine that uses it, and the load takes that engine. What the solver proves of it holds of every run.
 */

import type { CostModel } from "../cost/cost-model.ts";
import type { Workflow } from "../model/workflow.ts";
import { IntervalModel } from "./interval-model.ts";
import { nobody, toCacheable } from "./cacheable.ts";
import { findPaths, leastSplitEndUs, toTimes, type Paths } from "./paths.ts";
import { toPlaces, type Places } from "./places.ts";
import { toTrueStages, type TrueStage } from "./true-workflow.ts";

export type RelaxOptions = {
  /** A known bound and a known latency. */
  readonly lowerUs: number;
  readonly upperUs: number;
  /** Work the solver may do, in its own seconds, which are the same on every machine. */
  readonly cpSatSeconds: number;
};

export type Relaxed = {
  readonly boundUs: number;
  /** The bound is the optimum of the relaxed model. */
  readonly optimal: boolean;
};

const noDelay: readonly number[] = [];

/** The solver counts in these; durations are rounded down to them. */
const unitUs = 1000;

/** From a cold cluster of exclusive engines. */
export async function relaxByCpSat(
  workflow: Workflow,
  costs: CostModel,
  { lowerUs, upperUs, cpSatSeconds }: RelaxOptions,
): Promise<Relaxed> {
  const stages = toTrueStages(workflow);
  const places = toPlaces(costs);
  const times = toTimes(stages, places, toCacheable(stages, nobody), { cold: true, retained: true });
  const model = new IntervalModel(Math.floor(lowerUs / unitUs), Math.ceil(upperUs / unitUs));
  addWorkflow(model, stages, places, times, findPaths(stages, places, times));
  const { status, bound } = await model.solve(cpSatSeconds);
  return { boundUs: Math.min(upperUs, Math.max(lowerUs, bound * unitUs)), optimal: status === "optimal" };
}

function addWorkflow(
  model: IntervalModel,
  stages: readonly TrueStage[],
  places: Places,
  times: ReturnType<typeof toTimes>,
  { endUs, tailUs }: Paths,
): void {
  const placeOf = places.all.flatMap((place, index) => Array.from({ length: place.count }, () => index));
  const lines: number[][] = placeOf.map(() => []);
  const loads = new Map<string, { readonly literal: number; readonly end: number }>();
  const ends: number[] = [];
  for (const [index, node] of stages.entries()) {
    const end = model.time(toUnits(endUs[index] ?? 0), toUnits(tailUs[index] ?? 0));
    ends.push(end);
    model.ordered(end, model.makespan, toUnits(tailUs[index] ?? 0));
    if (node.kind !== "model") {
      const tookUs = node.kind === "tool" ? node.toolUs : 0;
      for (const parent of node.parents) model.ordered(ends[parent.index] ?? 0, end, toUnits(tookUs));
      continue;
    }
    const begin = model.time(0, toUnits(tailUs[index] ?? 0));
    for (const parent of node.parents) model.ordered(ends[parent.index] ?? 0, begin, 0);
    const options: number[] = [];
    for (const [engine, place] of placeOf.entries()) {
      const at = times[index]?.[place];
      if (at === undefined) continue;
      const literal = model.literal();
      options.push(literal);
      lines[engine]?.push(model.interval(begin, toUnits(at.wholeUs), literal));
      model.ordered(begin, end, toUnits(at.wholeUs), literal);
      if (at.loadUs === 0) continue;
      const key = `${engine} ${node.stage.model}`;
      let load = loads.get(key);
      if (load === undefined) {
        const loaded = model.literal();
        const start = model.time(0, 0);
        const loadEnd = model.time(0, 0);
        lines[engine]?.push(model.interval(start, toUnits(at.loadUs), loaded));
        model.ordered(start, loadEnd, toUnits(at.loadUs), loaded);
        loads.set(key, (load = { literal: loaded, end: loadEnd }));
      }
      model.implies(literal, load.literal);
      model.ordered(load.end, begin, 0, literal);
    }
    const splitUs = leastSplitEndUs(node.stage.items, times[index] ?? [], noDelay);
    if (splitUs < Infinity) {
      const literal = model.literal();
      options.push(literal);
      model.ordered(begin, end, toUnits(splitUs), literal);
    }
    model.exactlyOne(options);
  }
  for (const line of lines) model.noOverlap(line);
}

function toUnits(us: number): number {
  return Math.floor(us / unitUs);
}
