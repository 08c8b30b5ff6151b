/** What the next iteration of an engine takes in, prompt by prompt, and how long it takes, as the simulator fills its iterations. */

import { iterationOfUs, type Rates } from "../../../../cost/roofline.ts";
import type { Batched } from "../../batched/batchings.ts";
import { pairsOf, type Shape } from "../../batched/shapes.ts";

export class Prompts {
  #batching: Batched = { kind: "batched", maxSequences: 1, prefillTokens: 1, chunkedPrefill: false };
  #rates: Rates | undefined;
  #slow = 1;
  #left = 0;
  #tokens = 0;
  #pairs = 0;
  #prompts = 0;

  /** An empty iteration. */
  begin(batching: Batched, rates: Rates, slow: number): void {
    this.#batching = batching;
    this.#rates = rates;
    this.#slow = slow;
    this.#left = batching.chunkedPrefill ? Math.max(1, batching.prefillTokens) : batching.prefillTokens;
    this.#tokens = 0;
    this.#pairs = 0;
    this.#prompts = 0;
  }

  /** How many tokens of this prompt it would take in too: none if there is no room for it. The first one always gets in. */
  roomFor(shape: Shape, left: number, done: number): number {
    const { chunkedPrefill: chunked, prefillUs } = this.#batching;
    const tokens = chunked ? Math.min(left, Math.max(0, this.#left)) : left;
    if (this.#prompts === 0) return tokens;
    if (!chunked && tokens > this.#left) return 0;
    if (prefillUs !== undefined && this.#withUs(tokens, pairsOf(shape, tokens, done), 1) > prefillUs) return 0;
    return tokens;
  }

  take(shape: Shape, tokens: number, done: number): void {
    this.#tokens += tokens;
    this.#pairs += pairsOf(shape, tokens, done);
    this.#prompts += 1;
    this.#left -= tokens;
  }

  get isEmpty(): boolean {
    return this.#prompts === 0;
  }

  durationUs(): number {
    return this.#withUs(0, 0, 0);
  }

  #withUs(tokens: number, pairs: number, prompts: number): number {
    const us = iterationOfUs(this.#rates!, this.#tokens + tokens, this.#pairs + pairs, this.#prompts + prompts, 0, 0);
    return Math.max(1, Math.round(us * this.#slow));
  }
}
