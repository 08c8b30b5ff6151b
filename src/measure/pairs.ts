/** Two runs of the same workload, workflow by workflow. */

import type { Measured } from "./measure.ts";
import { summarise, type Summary } from "./statistics.ts";

export type PairedRatios = {
  /** Latency over the baseline's latency, in the baseline's order of closing; only workflows that ended in both runs. */
  readonly ratios: readonly number[];
  readonly summary: Summary;
  /** Sum of latencies over the sum of the baseline's. */
  readonly pooled: number;
  /** Share of workflows that ended sooner than in the baseline; half of those that ended at the same time. */
  readonly winRate: number;
  /** Workflows that ended in one run only. */
  readonly unpaired: number;
};

export function pairRatios(own: Measured, baseline: Measured): PairedRatios {
  const latencies = new Map(
    own.workflows.filter(({ outcome }) => outcome === "ended").map(({ workflow, latencyUs }) => [workflow, latencyUs]),
  );
  const ratios: number[] = [];
  let ownUs = 0;
  let otherUs = 0;
  let wins = 0;
  for (const { workflow, latencyUs, outcome } of baseline.workflows) {
    const mineUs = latencies.get(workflow);
    if (outcome !== "ended" || mineUs === undefined) continue;
    ratios.push(ratioOf(mineUs, latencyUs));
    ownUs += mineUs;
    otherUs += latencyUs;
    wins += mineUs < latencyUs ? 1 : mineUs === latencyUs ? 0.5 : 0;
  }
  return {
    ratios,
    summary: summarise(ratios),
    pooled: ratioOf(ownUs, otherUs),
    winRate: ratios.length === 0 ? 0.5 : wins / ratios.length,
    unpaired: own.ended + baseline.ended - 2 * ratios.length,
  };
}

/** Nothing over nothing is 1: no difference. */
function ratioOf(own: number, other: number): number {
  return own === other ? 1 : own / other;
}
