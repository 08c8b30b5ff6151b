/**
 * What the cells of a benchmark say, by group: each policy against the baseline, and policies against rivals.
 * Everything is paired by seed and workflow, over workflows that ended under both; intervals hold 95%.
 */

import { bootstrapInterval, isTie, meanInterval, type Interval } from "../../measure/interval.ts";
import { mean, nearestRank, sortNumbers } from "../../measure/statistics.ts";
import { createRng } from "../../random/rng.ts";
import { createPooledQuantile } from "./pooled-quantile.ts";

/** One policy in a group: its latencies by seed, and in each by workflow; null where a workflow was abandoned. */
export type Runs = {
  readonly policy: string;
  readonly latenciesUs: readonly (readonly (number | null)[])[];
};

/** Own over other, workflow by workflow, by seed. */
export type Pairing = {
  readonly ratios: readonly (readonly number[])[];
  readonly own: readonly (readonly number[])[];
  readonly other: readonly (readonly number[])[];
};

/** `open`: one seed gives no interval. Less is better. */
export type BenchVerdict = "less" | "tie" | "more" | "open";

export type Difference = Interval & { readonly verdict: BenchVerdict };

export function pairUp({ latenciesUs }: Runs, rival: Runs): Pairing {
  const ratios: number[][] = [];
  const own: number[][] = [];
  const other: number[][] = [];
  for (const [seed, list] of latenciesUs.entries()) {
    const ended = list.flatMap((mine, workflow) => {
      const theirs = rival.latenciesUs[seed]?.[workflow];
      return mine === null || theirs === null || theirs === undefined ? [] : [{ mine, theirs }];
    });
    own.push(ended.map(({ mine }) => mine));
    other.push(ended.map(({ theirs }) => theirs));
    ratios.push(ended.map(({ mine, theirs }) => ratioOf(mine, theirs)));
  }
  return { ratios, own, other };
}

/** Nothing over nothing is 1: no difference. */
export function ratioOf(own: number, other: number): number {
  return own === other ? 1 : own / other;
}

/** Mean over the seeds of the mean over the workflows. */
export function meanRatio({ ratios }: Pairing): Interval {
  return meanInterval(ratios.map(mean));
}

/** P95 of the ratios of all seeds together. */
export function p95OfRatios({ ratios }: Pairing): number {
  return nearestRank(sortNumbers(ratios.flat()), 0.95);
}

/**
 * P95 of the latencies of all seeds together, over that of the other; seeds are drawn anew for the interval. The P95 of the few
 * workflows of one seed would be their maximum.
 */
export function pooledP95Ratio({ own, other }: Pairing, about: string): Interval {
  const ofOwn = createPooledQuantile(own, 0.95);
  const ofOther = createPooledQuantile(other, 0.95);
  const seeds = own.map((_, seed) => seed);
  const rng = createRng(0, "bootstrap").stream(about);
  const statistic = (drawn: readonly number[]): number => {
    const counts = seeds.map(() => 0);
    for (const seed of drawn) counts[seed] = (counts[seed] ?? 0) + 1;
    return ratioOf(ofOwn(counts), ofOther(counts));
  };
  return bootstrapInterval(seeds, statistic, (bound) => rng.below(bound));
}

/** Share of the workflows that took less; half of those that took the same. */
export function winRate({ ratios }: Pairing): number {
  const all = ratios.flat();
  return all.length === 0 ? 0.5 : mean(all.map((ratio) => (ratio < 1 ? 1 : ratio === 1 ? 0.5 : 0)));
}

/** Relative difference of the mean ratios to a common baseline, seed by seed: -0.1 is a tenth less. */
export function differenceOfMeans(own: Pairing, other: Pairing): Difference {
  const theirs = other.ratios.map(mean);
  return judge(meanInterval(own.ratios.map((list, seed) => ratioOf(mean(list), theirs[seed] ?? 0) - 1)));
}

/** Relative difference of pooled P95s. */
export function differenceOfP95(pairing: Pairing, about: string): Difference {
  const ratio = pooledP95Ratio(pairing, about);
  return judge({ mean: ratio.mean - 1, low: ratio.low - 1, high: ratio.high - 1 });
}

function judge(interval: Interval): Difference {
  const { low, high } = interval;
  const verdict = !Number.isFinite(low) ? "open" : isTie(interval) ? "tie" : high < 0 ? "less" : "more";
  return { ...interval, verdict };
}
