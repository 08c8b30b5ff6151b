/** How long an iteration that only decodes takes, by how many sequences it decodes, without what their contexts add. */

import { iterationOfUs, type Rates } from "../../../cost/roofline.ts";

const knownPaces = new WeakMap<Rates, Float64Array>();

/** By number of sequences; NaN where not asked for yet. */
export function paceOf(rates: Rates, maxSequences: number): Float64Array {
  let pace = knownPaces.get(rates);
  if (pace === undefined || pace.length <= maxSequences)
    knownPaces.set(rates, (pace = new Float64Array(maxSequences + 1).fill(NaN)));
  return pace;
}

export function stepUs(rates: Rates, pace: Float64Array, sequences: number): number {
  const us = pace[sequences];
  if (us === us && us !== undefined) return us;
  const freshUs = iterationOfUs(rates, 0, 0, 0, sequences, 0);
  if (sequences < pace.length) pace[sequences] = freshUs;
  return freshUs;
}
