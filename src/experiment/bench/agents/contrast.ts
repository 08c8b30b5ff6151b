/** Differences between policies of the benchmark `agents`, paired by seed; intervals hold 95%, after Student. */

import { isTie, meanInterval, type Interval } from "../../../measure/interval.ts";
import { mean } from "../../../measure/statistics.ts";
import type { Ci95 } from "../bench-file.ts";
import { round } from "../bench-file.ts";
import type { BenchVerdict } from "../statistics.ts";

/** What policies are compared by: SLO scales required, and means of latency over standalone latency. Less is better. */
export const measures = ["req95", "req99", "mean"] as const;
export type Measure = (typeof measures)[number];

/** By seed, in the same order for all policies of a place. Infinite where it never comes to that. */
export type Runs = { readonly policy: string; readonly values: Readonly<Record<Measure, readonly number[]>> };

export type Contrast = {
  /** Relative: -0.1 is a tenth less than the rival; null where the policy needs an infinite scale and the rival does not. */
  readonly difference: number | null;
  readonly ci95: Ci95;
  readonly verdict: BenchVerdict;
};

/** Seed by seed. Nothing differs where both are infinite. */
export function differences(own: readonly number[], rival: readonly number[]): readonly number[] {
  return own.map((value, seed) => {
    const other = rival[seed] ?? Number.NaN;
    if (value === other) return 0;
    return other === Infinity ? -1 : value / other - 1;
  });
}

export function toContrast(samples: readonly number[]): Contrast {
  if (samples.includes(Infinity)) return { difference: null, ci95: null, verdict: "more" };
  const interval = meanInterval(samples);
  const { low, high } = interval;
  const verdict = !Number.isFinite(low) ? "open" : isTie(interval) ? "tie" : high < 0 ? "less" : "more";
  return { difference: round(interval.mean), ci95: toCi95(interval), verdict };
}

/** The one whose mean over the seeds is least; of equal ones the first. */
export function pickStrongest(runs: readonly Runs[], measure: Measure): Runs | undefined {
  let strongest: Runs | undefined;
  for (const each of runs)
    if (strongest === undefined || mean(each.values[measure]) < mean(strongest.values[measure])) strongest = each;
  return strongest;
}

export function toCi95({ low, high }: Interval): Ci95 {
  return Number.isFinite(low) && Number.isFinite(high) ? [round(low), round(high)] : null;
}
