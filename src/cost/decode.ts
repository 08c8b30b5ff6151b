/** Time to write output tokens on an engine that does nothing else meanwhile. */

import { iterationUs, type Rates } from "./roofline.ts";

/**
 * `sequences` sequences side by side, each from `contextTokens` of context, each writing `tokens` tokens.
 * The context grows token by token and the iteration's time nearly linearly with it, so the middle iteration stands for the mean.
 */
export function decodeUs(rates: Rates, sequences: number, contextTokens: number, tokens: number): number {
  return Math.round(decodeStepsUs(rates, sequences, contextTokens * sequences, tokens));
}

/** `steps` iterations of one batch whose KV starts at `contextTokens` in all. Not rounded. */
export function decodeStepsUs(rates: Rates, sequences: number, contextTokens: number, steps: number): number {
  if (steps <= 0 || sequences === 0) return 0;
  const middleTokens = contextTokens + (sequences * (steps - 1)) / 2;
  const middle = iterationUs(rates, {
    prefillTokens: 0,
    prefillPairs: 0,
    prefillSequences: 0,
    sequences,
    contextTokens: middleTokens,
  });
  return steps * middle;
}
