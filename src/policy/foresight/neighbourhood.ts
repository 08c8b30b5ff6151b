/**
 * A large neighbourhood: a window of stages, or those of one model, is freed at once, and a solver re-places all of them together. Each
 * of their likely placements is decoded alone, the most promising ones in pairs too, since two may want one engine or share a
 * load; the solver takes the combination of least price, and it is kept if its own decoding is better.
 */

import { Assignment, limits, waiting, type JointTerm } from "../../solve/assignment.ts";
import { solveAssignment, type SolveOptions } from "../../solve/solve.ts";
import { mayGo, type WholePlan } from "./plan.ts";
import type { Scene } from "./scene.ts";
import type { Judged, Search } from "./search.ts";

/** Stages freed at once, placements weighed for each, and how many of all are weighed in pairs. */
const mostFreed = 8;
const mostWeighed = 4;
const mostPaired = 10;

type Offer = { readonly stage: number; readonly placement: number; readonly price: number };

/** The first stages of the plan that take an engine: those that it decides about soonest. */
export function firstOf({ modelOf }: Scene, { order }: WholePlan): readonly number[] {
  return Array.from(order)
    .filter((stage) => modelOf[stage]! >= 0)
    .slice(0, mostFreed);
}

/** From a position of the plan on, stages that call the same model as the one there. */
export function ofOneModel({ modelOf }: Scene, { order }: WholePlan, from: number): readonly number[] {
  const model = modelOf[order[from]!]!;
  return Array.from(order.subarray(from))
    .filter((stage) => model >= 0 && modelOf[stage] === model)
    .slice(0, mostFreed);
}

export function replace(
  search: Search,
  scene: Scene,
  start: Judged,
  freed: readonly number[],
  options: SolveOptions = {},
): Judged {
  const byStage = freed.map((stage) => weigh(search, scene, start, stage));
  const offers = byStage.flat();
  if (offers.every(({ price }) => price >= 0)) return start;
  const problem = new Assignment({
    jobs: byStage.map((own) => ({
      waitCost: 0,
      candidates: own.map(({ price }) => ({ cost: bounded(price), uses: [] })),
    })),
    capacities: [],
    joints: pair(search, start, byStage),
  });
  const { choice } = solveAssignment(problem, options);
  const chosen = choice.flatMap((picked, job) => (picked === waiting ? [] : (byStage[job]?.[picked] ?? [])));
  const cheapest = offers.reduce((best, offer) => (offer.price < best.price ? offer : best));
  const trials = [chosen, [cheapest]].map((some) => search.judge(tell(start, some)));
  return trials.reduce((best, trial) => (trial.cost < best.cost ? trial : best), start);
}

/** The placements of least price. */
function weigh(search: Search, scene: Scene, start: Judged, stage: number): readonly Offer[] {
  const count = scene.fleet.engines.length;
  const placements = [...scene.able[stage]!, ...scene.ablePairs[stage]!.map((each) => count + each)];
  return placements
    .filter((placement) => placement !== start.told[stage] && mayGo(scene, stage, placement))
    .map((placement) => ({ stage, placement, price: priceOf(search, start, [{ stage, placement }]) }))
    .sort((left, right) => left.price - right.price)
    .slice(0, mostWeighed);
}

function pair(search: Search, start: Judged, byStage: readonly (readonly Offer[])[]): readonly JointTerm[] {
  const cheapest = byStage
    .flat()
    .sort((left, right) => left.price - right.price)
    .slice(0, mostPaired);
  const pickOf = (offer: Offer): JointTerm["left"] => {
    const job = byStage.findIndex((own) => own.includes(offer));
    return { job, candidate: byStage[job]!.indexOf(offer) };
  };
  const joints: JointTerm[] = [];
  for (const [index, left] of cheapest.entries())
    for (const right of cheapest.slice(0, index)) {
      if (left.stage === right.stage) continue;
      const extra = bounded(priceOf(search, start, [left, right]) - left.price - right.price);
      if (extra !== 0) joints.push({ left: pickOf(left), right: pickOf(right), cost: extra });
    }
  return joints;
}

function priceOf(search: Search, start: Judged, moved: readonly Pick<Offer, "stage" | "placement">[]): number {
  return Math.round(search.judge(tell(start, moved)).cost - start.cost);
}

function tell({ order, told }: WholePlan, moved: readonly Pick<Offer, "stage" | "placement">[]): WholePlan {
  const changed = told.slice();
  for (const { stage, placement } of moved) changed[stage] = placement;
  return { order, told: changed };
}

function bounded(cost: number): number {
  return Math.max(-limits.cost, Math.min(limits.cost, cost));
}
