/** Summaries of a list of numbers, each defined so that two programs get the same figure. */

export type Summary = {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
};

/** A point of an empirical distribution: this share of the values is at most `value`. */
export type EcdfPoint = { readonly value: number; readonly share: number };

/** All zero for no values. */
export function summarise(values: readonly number[]): Summary {
  const sorted = sortNumbers(values);
  return {
    count: values.length,
    mean: mean(values),
    p50: nearestRank(sorted, 0.5),
    p95: nearestRank(sorted, 0.95),
    p99: nearestRank(sorted, 0.99),
    max: sorted.at(-1) ?? 0,
  };
}

/** 0 for no values. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : sum(values) / values.length;
}

export function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/**
 * The nearest-rank quantile of ascending values: the smallest value that at least `share` of them do not exceed.
 * It is always one of the values, never a blend; 0 for no values.
 */
export function nearestRank(sorted: readonly number[], share: number): number {
  // A product such as 0.95 * 20 may come out a hair above the whole number that it is.
  const rank = Math.ceil(share * sorted.length - 1e-9);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1] ?? 0;
}

/** One point for each distinct value, ascending. */
export function toEcdf(values: readonly number[]): EcdfPoint[] {
  const sorted = sortNumbers(values);
  const points: EcdfPoint[] = [];
  for (const [index, value] of sorted.entries()) {
    if (sorted[index + 1] !== value) points.push({ value, share: (index + 1) / sorted.length });
  }
  return points;
}

export function sortNumbers(values: readonly number[]): number[] {
  return [...values].sort((left, right) => left - right);
}
