/** How much of which prompts an iteration takes in, and how long it takes, as the simulator fills its iterations. */

import { iterationOfUs } from "../../../cost/roofline.ts";
import type { Batched } from "./batchings.ts";
import type { Paces } from "./paces.ts";
import { pairsOf } from "./shapes.ts";
import type { Shares } from "./shares.ts";

export class Intake {
  readonly #shares: Shares;
  readonly #paces: Paces;
  readonly #batchings: readonly Batched[];

  constructor(shares: Shares, paces: Paces, batchings: readonly Batched[]) {
    this.#shares = shares;
    this.#paces = paces;
    this.#batchings = batchings;
  }

  /** Notes what the next iteration takes in beside what it decodes; returns how long it takes. */
  fill(engine: number, sequences: number, context: number, nowUs: number): number {
    const { chunkedPrefill: chunked, prefillTokens: budget, prefillUs } = this.#batchings[engine]!;
    const { opened, promptLeft, promptDone, taken, readyUs, shapes, span, count, model } = this.#shares;
    const rates = this.#paces.ratesOf(engine, model[engine]!);
    const slow = this.#paces.slowOf(engine);
    const from = engine * span;
    const to = from + count[engine]!;
    let left = chunked ? Math.max(1, budget - sequences) : budget;
    let tokens = 0;
    let pairs = 0;
    let prompts = 0;
    let us = 0;
    let full = false;
    for (let at = from; at < to; at++) {
      taken[at] = 0;
      if (full || opened[at] === 0 || promptLeft[at]! <= 0 || readyUs[at]! > nowUs) continue;
      const own = chunked ? Math.min(promptLeft[at]!, Math.max(0, left)) : promptLeft[at]!;
      full = own === 0 || (prompts > 0 && !chunked && own > left);
      if (full) continue;
      const more = pairsOf(shapes[at]!, own, promptDone[at]!);
      if (prefillUs !== undefined) {
        const withUs = iterationOfUs(rates, tokens + own, pairs + more, prompts + 1, sequences, context) * slow;
        full = prompts > 0 && Math.max(1, Math.round(withUs)) > prefillUs;
        if (full) continue;
        us = withUs;
      }
      tokens += own;
      pairs += more;
      prompts += 1;
      left -= own;
      taken[at] = own;
    }
    if (prefillUs === undefined) us = iterationOfUs(rates, tokens, pairs, prompts, sequences, context) * slow;
    return Math.max(1, Math.round(us));
  }
}
