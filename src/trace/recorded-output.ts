/** Output lengths of recorded requests. A trace holds what came; what a policy may expect is made here. */

import type { OutputTokens } from "../model/workflow.ts";
import { maxTokens } from "./limits.ts";

/** The cap where nobody has named one. */
const defaultLimitTokens = 4096;

/** A power of two with room to spare, so that a long output does not betray its length by its cap. */
export function defaultLimit(neededTokens: number): number {
  return Math.min(maxTokens, Math.max(defaultLimitTokens, 2 ** Math.ceil(Math.log2(neededTokens + 1))));
}

/** Nothing but the median of the whole trace is expected of any request. */
export function outputsOf(actual: readonly number[]): readonly OutputTokens[] {
  const estimate = actual.toSorted((left, right) => left - right)[Math.floor(actual.length / 2)] ?? 0;
  return actual.map((tokens) => ({ estimate, actual: tokens, limit: defaultLimit(Math.max(tokens, estimate)) }));
}
