/**
 * Step 4, the plan: which of the weighed placements the first ready stages take together.
 *
 * The forecast with nothing told is greedy's answer. From it, each weighed placement is told alone and forecast again: the
 * difference is its price, with all it does to the other stages and to those that follow. The most promising ones are told in
 * pairs too: what a pair costs beyond its two prices is a joint term, such as a load that two siblings share, memory that
 * both want, outputs that one child will merge, or an engine that only one of them can have. A solver picks the combination of
 * least price; waiting for what the forecast gives has the price 0. The combination is kept if its own forecast is better too.
 */

import { Assignment, limits, waiting, type Candidate, type Choice, type JointTerm } from "../../solve/assignment.ts";
import { sharedCpSat } from "../../solve/shared.ts";
import { solveAssignment, type SolveOptions } from "../../solve/solve.ts";
import { listCandidates } from "./candidates.ts";
import type { Forecast, Placement } from "./forecast.ts";
import type { FateSettings } from "./settings.ts";

export type FrontierPlan = {
  /** By position in the frontier. */
  readonly placements: Int32Array;
  readonly endUs: Float64Array;
  /** When a solver could not prove its answer, and why. */
  readonly note?: string;
};

/** Who combines the weighed placements; a note says why the answer is not proven. */
export type Combine = (problem: Assignment) => { readonly choice: Choice; readonly note?: string };

/** The exact search, and CP-SAT for what it leaves open. Without CP-SAT, or out of budget, the best that was found. */
export function combineBySolver(options: SolveOptions = {}): Combine {
  return (problem) => {
    const { choice, status, by, reason } = solveAssignment(problem, { cpSat: sharedCpSat(), ...options });
    if (status === "optimal") return { choice };
    return { choice, note: `${by}: ${status}${reason === undefined ? "" : `, ${reason}`}` };
  };
}

/** The exact search alone: nothing that could keep the caller waiting. */
export const combineBySearch: Combine = (problem) => {
  const { choice, status, by } = solveAssignment(problem, {});
  return status === "optimal" ? { choice } : { choice, note: `${by}: ${status}` };
};

/** A placement of a job, and what telling it alone adds to the cost. */
type Offer = { readonly job: number; readonly placement: Placement; readonly price: number };

/** `last`: where the plan before had the stages. */
export function planFrontier(
  forecast: Forecast,
  last: Int32Array | undefined,
  settings: FateSettings,
  combine: Combine,
): FrontierPlan {
  const told = forecast.nothingTold();
  let best = keep(forecast, forecast.serve(told));
  if (last !== undefined) {
    const again = forecast.serve(last);
    if (again < best.cost) best = keep(forecast, again);
  }
  const jobs = firstReady(forecast, settings.jobs);
  const candidates = jobs.map((position) => listCandidates(forecast, position, settings.candidates));
  let note: string | undefined;
  for (let round = 0; round < settings.rounds && jobs.length > 0; round++) {
    const offers = priceOffers(forecast, jobs, candidates, best);
    const combined = combineOffers(forecast, jobs, offers, best, settings.paired, combine);
    note ??= combined.note;
    const trials = [combined.placements, ...cheapestOf(jobs, offers, best)];
    let improved = false;
    for (const trial of trials) {
      const cost = forecast.serve(trial);
      if (cost >= best.cost) continue;
      best = keep(forecast, cost);
      improved = true;
      break;
    }
    if (!improved) break;
  }
  const { placements, endUs } = best;
  return { placements, endUs, ...(note === undefined ? {} : { note }) };
}

type Kept = { readonly cost: number; readonly placements: Int32Array; readonly endUs: Float64Array };

function keep({ placements, endUs }: Forecast, cost: number): Kept {
  return { cost, placements: placements.slice(), endUs: endUs.slice() };
}

function firstReady({ frontier }: Forecast, most: number): readonly number[] {
  const jobs: number[] = [];
  for (const [position, { ready }] of frontier.stages.entries()) if (ready && jobs.length < most) jobs.push(position);
  return jobs;
}

/** Tells each weighed placement alone. Those that cannot be are left out. */
function priceOffers(
  forecast: Forecast,
  jobs: readonly number[],
  candidates: readonly (readonly Placement[])[],
  base: Kept,
): readonly Offer[] {
  const offers: Offer[] = [];
  const told = base.placements.slice();
  for (const [job, position] of jobs.entries()) {
    const before = told[position] ?? 0;
    for (const placement of candidates[job] ?? []) {
      if (placement === before) continue;
      told[position] = placement;
      const cost = forecast.serve(told);
      if (cost < Infinity) offers.push({ job, placement, price: bounded(cost - base.cost) });
    }
    told[position] = before;
  }
  return offers;
}

/** The one change that gains most by itself: what there is to fall back on where a combination disappoints. */
function cheapestOf(jobs: readonly number[], offers: readonly Offer[], base: Kept): Int32Array[] {
  let cheapest: Offer | undefined;
  for (const offer of offers) if (offer.price < (cheapest?.price ?? 0)) cheapest = offer;
  if (cheapest === undefined) return [];
  return [tell(base.placements, jobs, [cheapest])];
}

function tell(placements: Int32Array, jobs: readonly number[], offers: readonly Offer[]): Int32Array {
  const told = placements.slice();
  for (const { job, placement } of offers) told[jobs[job] ?? 0] = placement;
  return told;
}

function combineOffers(
  forecast: Forecast,
  jobs: readonly number[],
  offers: readonly Offer[],
  base: Kept,
  paired: number,
  combine: Combine,
): { readonly placements: Int32Array; readonly note?: string } {
  const byJob = jobs.map((_, job) => offers.filter((offer) => offer.job === job));
  const joints = pairOffers(forecast, jobs, byJob, base, paired);
  const problem = new Assignment({
    jobs: byJob.map((own) => ({ waitCost: 0, candidates: own.map((offer) => toCandidate(forecast, offer)) })),
    capacities: forecast.engines.map(() => 1),
    joints,
  });
  const { choice, note } = combine(problem);
  const chosen = choice.flatMap((picked, job) => (picked === waiting ? [] : (byJob[job]?.[picked] ?? [])));
  return { placements: tell(base.placements, jobs, chosen), ...(note === undefined ? {} : { note }) };
}

/** One round moves one stage onto an engine at most: prices are those of single moves and pairs. */
function toCandidate(forecast: Forecast, { placement, price }: Offer): Candidate {
  const resources = placement < forecast.shards ? [placement] : [];
  return { cost: price, uses: resources.map((resource) => ({ resource, amount: 1 })) };
}

/** Solvers take costs up to a bound that only a stage without any way to go comes near. */
function bounded(cost: number): number {
  return Math.max(-limits.cost, Math.min(limits.cost, cost));
}

/** Joint terms of the cheapest offers, pair by pair: what both together cost beyond what each costs alone. */
function pairOffers(
  forecast: Forecast,
  jobs: readonly number[],
  byJob: readonly (readonly Offer[])[],
  base: Kept,
  most: number,
): readonly JointTerm[] {
  const cheapest = byJob
    .flat()
    .sort((left, right) => left.price - right.price)
    .slice(0, most);
  const joints: JointTerm[] = [];
  for (const [index, left] of cheapest.entries())
    for (const right of cheapest.slice(0, index)) {
      if (left.job === right.job || left.placement === right.placement) continue;
      const cost = forecast.serve(tell(base.placements, jobs, [left, right]));
      const extra = bounded(cost - base.cost - left.price - right.price);
      if (extra === 0 || cost === Infinity) continue;
      joints.push({ left: pickOf(byJob, left), right: pickOf(byJob, right), cost: extra });
    }
  return joints;
}

function pickOf(byJob: readonly (readonly Offer[])[], offer: Offer): JointTerm["left"] {
  return { job: offer.job, candidate: byJob[offer.job]?.indexOf(offer) ?? 0 };
}
