/** Iterations of one and the same batch in a row, with the cost model's durations. */

import type { ModelCosts } from "../../cost/cost-model.ts";
import { decodeStepsUs } from "../../cost/decode.ts";
import { iterationUs } from "../../cost/roofline.ts";
import type { Filling } from "./fill-batch.ts";

export type Segment = Omit<Filling, "steps"> & {
  readonly startUs: number;
  readonly costs: ModelCosts;
  /** Of the engine, when the segment started. */
  readonly slowFactor: number;
  /** May be cut short. */
  steps: number;
  endUs: number;
};

export function createSegment(filling: Filling, costs: ModelCosts, startUs: number, slowFactor: number): Segment {
  const segment: Segment = { ...filling, costs, startUs, slowFactor, endUs: 0 };
  segment.endUs = startUs + durationUs(segment, segment.steps);
  return segment;
}

/** Ends the segment with the iteration under way at `nowUs`; the first one is so from the beginning. */
export function cutSegment(segment: Segment, nowUs: number): void {
  const done = stepsBy(segment, nowUs);
  const underway = done === 0 || segment.startUs + durationUs(segment, done) < nowUs ? 1 : 0;
  segment.steps = Math.min(segment.steps, done + underway);
  segment.endUs = segment.startUs + durationUs(segment, segment.steps);
}

/** Iterations that are over at `nowUs`. */
export function stepsBy(segment: Segment, nowUs: number): number {
  let least = 0;
  let most = segment.steps;
  while (least < most) {
    const middle = (least + most + 1) >> 1;
    if (segment.startUs + durationUs(segment, middle) <= nowUs) least = middle;
    else most = middle - 1;
  }
  return least;
}

/** Rounded once. */
export function durationUs({ batch, costs, slowFactor }: Segment, steps: number): number {
  if (steps === 0) return 0;
  const us =
    batch.prefillTokens > 0
      ? steps * iterationUs(costs.rates, batch)
      : decodeStepsUs(costs.rates, batch.sequences, batch.contextTokens, steps);
  return Math.max(1, Math.round(us * slowFactor));
}
