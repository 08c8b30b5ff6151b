/** What was measured of a run, as a flat record of numbers: what tables average and result files keep. */

import type { Measured } from "../measure/measure.ts";
import type { Metrics } from "./cell.ts";

export function toMetrics(measured: Measured): Metrics {
  const { latencyUs, ratio, deadlines, bounds, engines, workflows, ...counts } = measured;
  return {
    workflows: workflows.length,
    meanLatencyUs: latencyUs.mean,
    p50LatencyUs: latencyUs.p50,
    p95LatencyUs: latencyUs.p95,
    p99LatencyUs: latencyUs.p99,
    maxLatencyUs: latencyUs.max,
    meanRatio: ratio.mean,
    p95Ratio: ratio.p95,
    p99Ratio: ratio.p99,
    deadlinesGiven: deadlines.given,
    deadlinesMet: deadlines.met,
    ...counts,
    cachedShare: counts.promptTokens === 0 ? 0 : counts.cachedTokens / counts.promptTokens,
    engines: engines.length,
    boundUs: bounds.makespanUs,
    overBound: bounds.makespanUs === 0 ? 1 : counts.makespanUs / bounds.makespanUs,
  };
}
