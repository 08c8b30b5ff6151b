/** Means with their uncertainty: what a comparison of policies may claim. */

import { mean, nearestRank, sortNumbers, sum } from "./statistics.ts";
import { studentQuantile } from "./student.ts";

export type Interval = {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
};

/**
 * Mean of independent samples with its interval after Student: `mean ± t(n-1) s / √n`.
 * One sample says nothing about its spread: the interval is then unbounded.
 */
export function meanInterval(samples: readonly number[], confidence = 0.95): Interval {
  const centre = mean(samples);
  const degrees = samples.length - 1;
  if (degrees < 1) return { mean: centre, low: -Infinity, high: Infinity };
  const squares = sum(samples.map((sample) => (sample - centre) ** 2));
  const margin = studentQuantile(0.5 + confidence / 2, degrees) * Math.sqrt(squares / degrees / samples.length);
  return { mean: centre, low: centre - margin, high: centre + margin };
}

/** Interval of the mean of `own[i] - baseline[i]`: pairing by seed and instance takes out what both have in common. */
export function pairedInterval(own: readonly number[], baseline: readonly number[], confidence = 0.95): Interval {
  if (own.length !== baseline.length)
    throw new Error(`paired samples must match: found ${own.length} and ${baseline.length}`);
  return meanInterval(
    own.map((value, index) => value - (baseline[index] ?? 0)),
    confidence,
  );
}

/** Whether a difference may be called one: an interval that holds 0 is a tie. */
export function isTie({ low, high }: Interval): boolean {
  return low <= 0 && high >= 0;
}

/**
 * Percentile bootstrap of any statistic: `rounds` resamples with replacement, drawn by `below(bound)`, a uniform whole number.
 * For statistics whose spread has no formula, such as a pooled P95. The mean is the statistic of the samples as they are.
 */
export function bootstrapInterval(
  samples: readonly number[],
  statistic: (resample: readonly number[]) => number,
  below: (bound: number) => number,
  { rounds = 2000, confidence = 0.95 }: { readonly rounds?: number; readonly confidence?: number } = {},
): Interval {
  const centre = statistic(samples);
  if (samples.length < 2) return { mean: centre, low: -Infinity, high: Infinity };
  const drawn = Array.from({ length: rounds }, () =>
    statistic(samples.map(() => samples[below(samples.length)] as number)),
  );
  const sorted = sortNumbers(drawn);
  return {
    mean: centre,
    low: nearestRank(sorted, (1 - confidence) / 2),
    high: nearestRank(sorted, (1 + confidence) / 2),
  };
}
