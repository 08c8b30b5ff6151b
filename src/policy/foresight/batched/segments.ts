/**
 * Segments of iterations that engines run with one and the same batch while a plan is laid out: when they end, and who has been taken in
 * or is done then. Follows the simulator's batched engine, without preemption: nobody joins for whom KV memory would run out. A segment
 * costs a look at each share of its batch.
 */

import type { Batched } from "./batchings.ts";
import { Intake } from "./intake.ts";
import type { Paces } from "./paces.ts";
import type { Shares } from "./shares.ts";

/** How many prompt tokens an engine finds cached for who is taken in now. */
type LookUp = (number: number, engine: number) => number;

export class Segments {
  /** By engine, when the segment ends, or, where none is under way, the next inputs arrive; Infinity if neither. */
  readonly nextUs: Float64Array;
  /** Whose prompts have been taken in, and who is done, at the end of the segment that ended last: the first so many. */
  readonly prefilled: Int32Array;
  readonly finished: Int32Array;
  prefilledCount = 0;
  finishedCount = 0;

  readonly #shares: Shares;
  readonly #paces: Paces;
  readonly #intake: Intake;
  readonly #chunked: readonly boolean[];
  /** By engine, of the segment under way; no steps if none is. */
  readonly #steps: Int32Array;
  readonly #startUs: Float64Array;
  /** Sequences that it decodes, and the tokens of their contexts when it starts. */
  readonly #decoding: Float64Array;
  readonly #context: Float64Array;

  constructor(shares: Shares, paces: Paces, batchings: readonly Batched[]) {
    const engines = batchings.length;
    this.#shares = shares;
    this.#paces = paces;
    this.#intake = new Intake(shares, paces, batchings);
    this.#chunked = batchings.map(({ chunkedPrefill }) => chunkedPrefill);
    this.nextUs = new Float64Array(engines);
    this.prefilled = new Int32Array(shares.span);
    this.finished = new Int32Array(shares.span);
    this.#steps = new Int32Array(engines);
    this.#startUs = new Float64Array(engines);
    this.#decoding = new Float64Array(engines);
    this.#context = new Float64Array(engines);
  }

  reset(): void {
    this.nextUs.fill(Infinity);
    this.#steps.fill(0);
  }

  /** Whether iterations are under way. */
  isBusy(engine: number): boolean {
    return this.#steps[engine]! > 0;
  }

  /** Somebody can join: the segment ends with the iteration under way at `atUs`. */
  cut(engine: number, atUs: number): void {
    let most = this.#steps[engine]!;
    if (most <= 1) return;
    const startUs = this.#startUs[engine]!;
    let least = 1;
    while (least < most) {
      const middle = (least + most) >> 1;
      if (startUs + this.#decodeUs(engine, middle) >= atUs) most = middle;
      else least = middle + 1;
    }
    if (least === this.#steps[engine]) return;
    this.#steps[engine] = least;
    this.nextUs[engine] = startUs + this.#decodeUs(engine, least);
  }

  #decodeUs(engine: number, steps: number): number {
    const model = this.#shares.model[engine]!;
    return this.#paces.decodeUs(engine, model, this.#decoding[engine]!, this.#context[engine]!, steps);
  }

  /** The next iterations, as the simulator fills them. */
  start(engine: number, nowUs: number, lookUp: LookUp): void {
    const { opened, promptLeft, readyUs, stepsLeft, shapes, contexts, numbers, span, count } = this.#shares;
    const from = engine * span;
    const to = from + count[engine]!;
    let waiting = 0;
    let least = Infinity;
    let arriveUs = Infinity;
    let sequences = 0;
    let context = 0;
    for (let at = from; at < to; at++) {
      if (opened[at] === 0 || promptLeft[at]! > 0) {
        const inputsUs = readyUs[at]!;
        if (inputsUs > nowUs) {
          if (inputsUs < arriveUs) arriveUs = inputsUs;
          continue;
        }
        if (opened[at] === 0) this.#open(at, lookUp(numbers[at]!, engine));
        if (promptLeft[at]! > 0) waiting += 1;
      }
      const steps = stepsLeft[at]!;
      if (steps <= 0) continue;
      if (steps < least) least = steps;
      sequences += shapes[at]!.sequences;
      context += contexts[at]!;
    }
    const decoding = waiting === 0 || this.#chunked[engine]! ? sequences : 0;
    this.#decoding[engine] = decoding;
    this.#context[engine] = context;
    this.#startUs[engine] = nowUs;
    if (waiting > 0) {
      this.#steps[engine] = 1;
      this.nextUs[engine] = nowUs + this.#intake.fill(engine, decoding, decoding > 0 ? context : 0, nowUs);
    } else if (sequences > 0) {
      const endUs = nowUs + this.#decodeUs(engine, least);
      this.#steps[engine] = least;
      this.nextUs[engine] = endUs;
      // The prompt is taken in from the end of the iteration during which its inputs arrive.
      if (arriveUs < endUs) this.cut(engine, arriveUs);
    } else {
      this.#steps[engine] = 0;
      this.nextUs[engine] = arriveUs;
    }
  }

  #open(at: number, cachedTokens: number): void {
    const { shapes, opened, promptDone, promptLeft } = this.#shares;
    const { promptTokens, sharedTokens, ownTokens } = shapes[at]!;
    const usable = Math.max(0, Math.min(cachedTokens, sharedTokens - (ownTokens === 0 ? 1 : 0)));
    opened[at] = 1;
    promptDone[at] = usable;
    // A prompt of nothing takes an iteration all the same.
    promptLeft[at] = Math.max(1, promptTokens - usable);
  }

  /** Ends the segment under way. */
  end(engine: number): void {
    this.prefilledCount = 0;
    this.finishedCount = 0;
    const steps = this.#steps[engine]!;
    this.#steps[engine] = 0;
    this.nextUs[engine] = Infinity;
    if (steps === 0) return;
    const { opened, promptLeft, promptDone, taken, stepsLeft, shapes, contexts, numbers, span, count } = this.#shares;
    const from = engine * span;
    const to = from + count[engine]!;
    const decoded = this.#decoding[engine]! > 0;
    for (let at = from; at < to; at++) {
      if (stepsLeft[at]! > 0) {
        if (!decoded) continue;
        stepsLeft[at]! -= steps;
        contexts[at]! += steps * shapes[at]!.sequences;
        if (stepsLeft[at]! <= 0) this.#finish(engine, at);
      } else if (opened[at] === 1 && promptLeft[at]! > 0) {
        const own = taken[at]!;
        promptLeft[at]! -= own;
        promptDone[at]! += own;
        if (own === 0 || promptLeft[at]! > 0) continue;
        const { decodeSteps, sequences, contextTokens } = shapes[at]!;
        this.prefilled[this.prefilledCount++] = numbers[at]!;
        contexts[at] = sequences * contextTokens;
        stepsLeft[at] = decodeSteps;
        if (decodeSteps === 0) this.#finish(engine, at);
      }
    }
    if (this.finishedCount > 0) this.#shares.closeUp(engine);
  }

  #finish(engine: number, at: number): void {
    this.finished[this.finishedCount++] = this.#shares.numbers[at]!;
    this.#shares.leave(engine, at);
  }
}
