/** Time to take in a prompt on an engine that does nothing else meanwhile. */

import { iterationUs, type Rates } from "./roofline.ts";

/** Longest run of prompt tokens one iteration takes in on an exclusive engine. */
const chunkTokens = 8192;

/**
 * `sequences` prompts of `newTokens` uncached tokens each, after `cachedTokens` cached ones.
 * Long prompts go in chunk by chunk, each chunk attending to those before it.
 */
export function prefillUs(rates: Rates, newTokens: number, cachedTokens: number, sequences: number): number {
  const total = newTokens * sequences;
  if (total === 0) return 0;
  const chunks = Math.ceil(total / chunkTokens);
  const batch = {
    prefillTokens: total / chunks,
    prefillPairs: (sequences * newTokens * (cachedTokens + (newTokens + 1) / 2)) / chunks,
    prefillSequences: sequences / chunks,
    sequences: 0,
    contextTokens: 0,
  };
  return Math.round(chunks * iterationUs(rates, batch));
}
