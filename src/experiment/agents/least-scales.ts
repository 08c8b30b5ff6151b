/**
 * SLO scales that no schedule undercuts, be it clairvoyant: a scale x is out of reach if, with every workflow due at arrival plus x
 * times its standalone latency, too few of them can be on time. Two reasons count:
 *
 * - A workflow is late whose longest path of least times is longer than that. Of n workflows, n - k may be late, where the scale
 *   asked for is the k-th smallest ratio.
 * - What arrives and is due within a window of W microseconds is done inside it if it is on time. Let each engine of a pool charge a
 *   price per microsecond such that all prices add up to 1: no more than W can be spent in the window, and each workflow spends
 *   at least its cheapest. The schedule may drop as many as may be late; even without the dearest of those the rest must fit in W.
 *
 * Work inside a workflow is a fluid here: order, batches, transfers, waiting and KV memory but for its size are left out. Whatever
 * is in reach at x is in reach at more, so bisection finds the edge; what it returns is always a scale found out of reach.
 */

import { sortNumbers } from "../../measure/statistics.ts";

export type Due = {
  readonly arrivalUs: number;
  readonly standaloneUs: number;
  /** No schedule ends it sooner after its arrival. */
  readonly leastUs: number;
  /** What it spends at least, by pool. */
  readonly spentUs: readonly number[];
};

/** Windows begin at so many arrivals, evenly among all. */
const mostStarts = 48;
const rounds = 24;

/** A bound for the `k`-th smallest ratio of latency over standalone latency, `k` the part `share` of all, rounded up. */
export function leastScale(workflows: readonly Due[], share: number): number {
  const late = workflows.length - Math.ceil(share * workflows.length - 1e-9);
  const ratios = sortNumbers(workflows.map(({ leastUs, standaloneUs }) => leastUs / standaloneUs));
  let low = ratios.at(-1 - late) ?? 0;
  if (isInReach(workflows, low, late)) return low;
  let high = Math.max(1, 2 * low);
  for (; !isInReach(workflows, high, late); high *= 2) low = high;
  for (let round = 0; round < rounds; round++) {
    const middle = (low + high) / 2;
    if (isInReach(workflows, middle, late)) high = middle;
    else low = middle;
  }
  return low;
}

function isInReach(workflows: readonly Due[], scale: number, mostLate: number): boolean {
  const onTime = workflows
    .filter(({ leastUs, standaloneUs }) => leastUs <= scale * standaloneUs)
    .map((each) => ({ ...each, dueUs: each.arrivalUs + scale * each.standaloneUs }))
    .sort((left, right) => left.dueUs - right.dueUs);
  const spare = mostLate - (workflows.length - onTime.length);
  if (spare < 0) return false;
  const arrivals = sortNumbers(onTime.map(({ arrivalUs }) => arrivalUs));
  const stride = Math.max(1, Math.ceil(arrivals.length / mostStarts));
  const pools = onTime[0]?.spentUs.length ?? 0;
  for (let start = 0; start < arrivals.length; start += stride)
    for (let pool = 0; pool < pools; pool++) if (!fits(onTime, arrivals[start] ?? 0, pool, spare)) return false;
  return true;
}

type WithDue = Due & { readonly dueUs: number };

/** Windows from `startUs` to each due time, in order. */
function fits(byDue: readonly WithDue[], startUs: number, pool: number, spare: number): boolean {
  /** The dearest so far, ascending: those that are dropped. */
  const dropped: number[] = [];
  let keptUs = 0;
  for (const { arrivalUs, dueUs, spentUs } of byDue) {
    if (arrivalUs < startUs) continue;
    keptUs += exchange(dropped, spentUs[pool] ?? 0, spare);
    if (keptUs > dueUs - startUs + slackUs) return false;
  }
  return true;
}

/** Sums of floating point numbers may be off by less than this. */
const slackUs = 1;

/** Puts `us` among the dropped; returns what is not dropped any more, or never was. */
function exchange(dropped: number[], us: number, spare: number): number {
  if (dropped.length === spare && us <= (dropped[0] ?? Infinity)) return us;
  let at = dropped.length;
  while (at > 0 && (dropped[at - 1] ?? 0) > us) at -= 1;
  dropped.splice(at, 0, us);
  return dropped.length > spare ? (dropped.shift() ?? 0) : 0;
}
