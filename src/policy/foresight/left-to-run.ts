/** How long what runs is still expected to take, given that it has run so far. */

import type { CostTerms } from "../../model/decision.ts";
import type { RunningShare } from "../../state/engine-state.ts";

/**
 * Expected end of a running share: its prompt as the placement expected it, then a decode whose length is log-normal about what
 * was expected, conditional on not having ended yet.
 */
export function expectedEndUs(
  { startUs, expectedUs, prefilledUs }: RunningShare,
  cost: CostTerms | undefined,
  nowUs: number,
  spread: number,
): number {
  const decodeUs = cost?.decodeUs ?? 0;
  if (prefilledUs !== undefined) return nowUs + leftUs(decodeUs, nowUs - prefilledUs, spread);
  const shardUs = cost?.shardUs ?? 0;
  const prefillEndUs = startUs + expectedUs - decodeUs - shardUs;
  const lateUs = Math.max(0, nowUs - prefillEndUs);
  return Math.max(nowUs, prefillEndUs) + lateUs + decodeUs;
}

/** Of something expected to take `medianUs` that has taken `elapsedUs` and goes on. Without spread, what is overdue takes as long again. */
export function leftUs(medianUs: number, elapsedUs: number, spread: number): number {
  if (elapsedUs <= 0) return medianUs;
  if (medianUs <= 0) return elapsedUs;
  if (spread <= 0) return elapsedUs < medianUs ? medianUs - elapsedUs : elapsedUs - medianUs;
  const z = Math.log(elapsedUs / medianUs) / spread;
  const mean = medianUs * Math.exp((spread * spread) / 2);
  const still = upperTail(z);
  // So far out that both tails vanish, a log-normal goes on about this much longer.
  if (still < 1e-6) return (elapsedUs * spread) / z;
  return Math.max(0, (mean * upperTail(z - spread)) / still - elapsedUs);
}

/** Of the standard normal, by the fraction of Abramowitz and Stegun 26.2.17. */
function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const sum = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return Math.exp((-z * z) / 2) * 0.3989422804014327 * sum;
}
