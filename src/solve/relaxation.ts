/**
 * Prices of options such that the cheapest of every job, summed, never exceed the cost of any feasible choice.
 * All figures are in half units of cost, so that a joint term can be shared between its two ends in whole numbers.
 *
 * - A resource costs a multiplier per unit taken, and its whole capacity is credited back (Lagrange relaxation); a
 *   feasible choice takes no more than the capacity. Rounding down per option and on the credit keeps that true.
 * - Of a bonus each end hopes for half of the best it could still get from the other job; a malus it hopes to avoid.
 * - A group's cost is spread over the jobs that could open it.
 */

import type { Assignment } from "./assignment.ts";
import type { Options } from "./options.ts";

/** What an option hopes to gain from another job's choice; at most 0. */
export type Hope = { readonly job: number; readonly gain: number };

export type Relaxation = {
  /** Least conceivable share of an option in the cost of a choice, in half units. */
  readonly prices: Float64Array;
  /** What taking the option's uses costs at the multipliers; part of `prices`. */
  readonly tolls: Float64Array;
  /** Subtracted from every sum of prices. */
  readonly credit: number;
  readonly hopes: readonly (readonly Hope[])[];
  /** By group, the part of its cost that each option in it carries. */
  readonly shares: Float64Array;
};

/** Rounds of the multiplier search; each is one pass over the options. */
const rounds = 60;

/** `upperBound` is the cost of a known choice; it only scales the steps of the multiplier search. */
export function relax(problem: Assignment, options: Options, upperBound: number): Relaxation {
  const hopes = hopeForBonuses(options);
  const shares = shareGroups(problem, options);
  const base = Float64Array.from(options.rows, ({ cost, uses, groups }, row) => {
    if (uses.some(({ resource, amount }) => amount > (problem.capacities[resource] ?? 0))) return Infinity;
    let price = 2 * cost;
    for (const { gain } of hopes[row] ?? []) price += gain;
    for (const group of groups) price += shares[group] ?? 0;
    return price;
  });
  const multipliers = searchMultipliers(problem, options, base, 2 * upperBound);
  const tolls = tollsAt(options, multipliers);
  return {
    prices: base.map((price, row) => price + (tolls[row] ?? 0)),
    tolls,
    credit: creditAt(problem, multipliers),
    hopes,
    shares,
  };
}

function hopeForBonuses({ rows }: Options): Hope[][] {
  return rows.map(({ joined }) => {
    const best = new Map<number, number>();
    for (const { job, cost } of joined) if (cost < 0) best.set(job, Math.min(cost, best.get(job) ?? 0));
    return Array.from(best, ([job, gain]) => ({ job, gain }));
  });
}

function shareGroups({ groupCosts }: Assignment, { rows }: Options): Float64Array {
  const members = groupCosts.map(() => new Set<number>());
  for (const { job, groups } of rows) for (const group of groups) members[group]?.add(job);
  return Float64Array.from(groupCosts, (cost, group) =>
    Math.floor((2 * cost) / Math.max(1, members[group]?.size ?? 1)),
  );
}

/** Subgradient ascent with steps after Polyak; keeps the multipliers with the highest bound. */
function searchMultipliers(
  problem: Assignment,
  options: Options,
  base: Float64Array,
  upperBound: number,
): Float64Array {
  const { capacities } = problem;
  let multipliers = new Float64Array(capacities.length);
  let best = multipliers;
  let bestBound = -Infinity;
  let scale = 1;
  for (let round = 0; round < rounds; round++) {
    const tolls = tollsAt(options, multipliers);
    const excess = Float64Array.from(capacities, (capacity) => -capacity);
    const bound = addCheapest(options, base, tolls, excess) - creditAt(problem, multipliers);
    if (bound > bestBound) [best, bestBound] = [multipliers, bound];
    else scale *= 0.8;
    // A step may only raise what is short and lower what has a price; the rest would dilute it.
    let norm = 0;
    for (const [resource, over] of excess.entries())
      if (over > 0 || (multipliers[resource] ?? 0) > 0) norm += over * over;
    if (norm === 0 || bound >= upperBound) break;
    const step = (scale * (upperBound - bound)) / norm;
    multipliers = multipliers.map((value, resource) =>
      toShort(value + step * (excess[resource] ?? 0), capacities[resource] ?? 0),
    );
  }
  return best;
}

/** Sums the cheapest option of each job and adds what they use to `excess`. */
function addCheapest({ rows, starts }: Options, base: Float64Array, tolls: Float64Array, excess: Float64Array): number {
  let sum = 0;
  for (let job = 0; job + 1 < starts.length; job++) {
    let cheapest = -1;
    let least = Infinity;
    for (let row = starts[job] ?? 0; row < (starts[job + 1] ?? 0); row++) {
      const price = (base[row] ?? 0) + (tolls[row] ?? 0);
      if (price < least) [cheapest, least] = [row, price];
    }
    sum += least;
    for (const { resource, amount } of rows[cheapest]?.uses ?? []) excess[resource] = (excess[resource] ?? 0) + amount;
  }
  return sum;
}

function tollsAt({ rows }: Options, multipliers: Float64Array): Float64Array {
  return Float64Array.from(rows, ({ uses }) => {
    let toll = 0;
    for (const { resource, amount } of uses) toll += Math.floor((multipliers[resource] ?? 0) * amount);
    return toll;
  });
}

function creditAt({ capacities }: Assignment, multipliers: Float64Array): number {
  let credit = 0;
  for (const [resource, capacity] of capacities.entries())
    credit += Math.floor((multipliers[resource] ?? 0) * capacity);
  return credit;
}

/**
 * A single-precision number of at least 0, so that its product with an amount (at most 2^28) is exact, which rounding
 * down relies on; bounded so that the product with the capacity stays a safe whole number.
 */
function toShort(value: number, capacity: number): number {
  return Math.fround(Math.min(Math.max(0, value), 2 ** 50 / Math.max(1, capacity)));
}
