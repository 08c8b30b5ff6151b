/**
 * What batched engines do while a plan is laid out: who is in each batch, what its iterations take in, and when the segment of iterations
 * that is under way ends. Follows the simulator's batched engine, without preemption: the decoder lets nobody join for whom KV memory
 * would run out. Flat arrays; a segment costs a look at each share of its batch.
 */

import { iterationOfUs, type Rates } from "../../../cost/roofline.ts";
import type { Batching } from "../../../model/cluster.ts";
import type { Fleet } from "../fleet.ts";
import { paceOf, stepUs } from "./paces.ts";
import type { Shape } from "./shapes.ts";

export const none = -1;

/** How many prompt tokens an engine finds cached for who is taken in now. */
type LookUp = (number: number, engine: number) => number;

export class Batches {
  /** By engine: shares in the batch, their model, KV memory in the end and when they joined, and sequences. */
  readonly count: Int32Array;
  readonly model: Int32Array;
  readonly fullTokens: Float64Array;
  readonly joinTokens: Float64Array;
  readonly sequences: Float64Array;
  /** When the segment ends, or, where none is under way, the next inputs arrive; Infinity if neither. */
  readonly nextUs: Float64Array;
  /** Whose prompts have been taken in, and who is done, at the end of the segment that ended last: the first so many. */
  readonly prefilled: Int32Array;
  readonly finished: Int32Array;
  prefilledCount = 0;
  finishedCount = 0;

  readonly #fleet: Fleet;
  readonly #slow: Float64Array;
  readonly #span: number;
  readonly #batchings: readonly Extract<Batching, { kind: "batched" }>[];
  /** By engine and model. */
  readonly #rates: readonly (Rates | undefined)[];
  readonly #paces: readonly (Float64Array | undefined)[];
  /** By engine, of the segment under way; no steps if none is. */
  readonly #steps: Int32Array;
  readonly #startUs: Float64Array;
  readonly #context: Float64Array;
  readonly #decoding: Float64Array;
  /** By engine and place in the batch, in the order in which they joined. */
  readonly #shapes: Shape[];
  readonly #numbers: Int32Array;
  readonly #readyUs: Float64Array;
  readonly #opened: Uint8Array;
  readonly #promptLeft: Float64Array;
  readonly #promptDone: Float64Array;
  readonly #taken: Float64Array;
  readonly #stepsLeft: Float64Array;
  readonly #contexts: Float64Array;
  readonly #full: Float64Array;

  constructor(fleet: Fleet, slowFactor: Float64Array, span: number) {
    const engines = fleet.engines.length;
    this.#fleet = fleet;
    this.#slow = slowFactor;
    this.#span = span;
    this.#batchings = fleet.engines.map(({ engine: { batching } }) =>
      batching.kind === "batched"
        ? batching
        : { kind: "batched", maxSequences: 1, prefillTokens: Infinity, chunkedPrefill: false },
    );
    const names = [...new Set(fleet.engines.flatMap(({ models }) => [...models.keys()]))];
    const byNumber = Array.from<string | undefined>({ length: fleet.models });
    for (const name of names) byNumber[fleet.modelNumber(name)] = name;
    this.#rates = fleet.engines.flatMap(({ models }) =>
      byNumber.map((name) => (name === undefined ? undefined : models.get(name)?.rates)),
    );
    this.#paces = this.#rates.map((rates, cell) =>
      rates === undefined ? undefined : paceOf(rates, this.#batchings[Math.floor(cell / fleet.models)]!.maxSequences),
    );
    this.count = new Int32Array(engines);
    this.model = new Int32Array(engines);
    this.fullTokens = new Float64Array(engines);
    this.joinTokens = new Float64Array(engines);
    this.sequences = new Float64Array(engines);
    this.nextUs = new Float64Array(engines);
    this.#steps = new Int32Array(engines);
    this.#startUs = new Float64Array(engines);
    this.#context = new Float64Array(engines);
    this.#decoding = new Float64Array(engines);
    this.prefilled = new Int32Array(span);
    this.finished = new Int32Array(span);
    this.#shapes = [];
    this.#numbers = new Int32Array(engines * span);
    this.#readyUs = new Float64Array(engines * span);
    this.#opened = new Uint8Array(engines * span);
    this.#promptLeft = new Float64Array(engines * span);
    this.#promptDone = new Float64Array(engines * span);
    this.#taken = new Float64Array(engines * span);
    this.#stepsLeft = new Float64Array(engines * span);
    this.#contexts = new Float64Array(engines * span);
    this.#full = new Float64Array(engines * span);
  }

  reset(): void {
    this.count.fill(0);
    this.model.fill(none);
    this.fullTokens.fill(0);
    this.joinTokens.fill(0);
    this.sequences.fill(0);
    this.nextUs.fill(Infinity);
    this.#steps.fill(0);
  }

  /** Whether the batch is of this model, or of none, and has places and KV memory to the end for the share beside `more` that are about to join. */
  fits(engine: number, model: number, shape: Shape, moreTokens: number, moreSequences: number): boolean {
    const current = this.model[engine]!;
    if (current !== none && current !== model) return false;
    return (
      this.fullTokens[engine]! + moreTokens + shape.fullTokens <= this.capacity(engine, model) &&
      this.sequences[engine]! + moreSequences + shape.sequences <= this.#batchings[engine]!.maxSequences
    );
  }

  capacity(engine: number, model: number): number {
    return this.#fleet.kvTokens[engine * this.#fleet.models + model]!;
  }

  /** A share joins; its inputs arrive at `readyUs`. */
  join(engine: number, model: number, number: number, shape: Shape, readyUs: number): void {
    const at = this.#add(engine, model, number, shape, shape.fullTokens);
    this.#readyUs[at] = readyUs;
    this.#opened[at] = 0;
    this.#promptLeft[at] = 0;
    this.#stepsLeft[at] = 0;
    this.#contexts[at] = 0;
  }

  /** A share that has joined before and has come so far: prompt tokens or iterations left, KV tokens of its sequences, KV memory in the end. */
  goOn(engine: number, model: number, number: number, shape: Shape, left: Left): void {
    const at = this.#add(engine, model, number, shape, left.fullTokens);
    this.#readyUs[at] = left.readyUs;
    this.#opened[at] = 1;
    this.#promptLeft[at] = left.promptTokens;
    this.#promptDone[at] = shape.promptTokens - left.promptTokens;
    this.#stepsLeft[at] = left.promptTokens > 0 ? 0 : left.steps;
    this.#contexts[at] = left.contextTokens;
  }

  #add(engine: number, model: number, number: number, shape: Shape, fullTokens: number): number {
    const at = engine * this.#span + this.count[engine]!;
    this.count[engine]! += 1;
    this.model[engine] = model;
    this.fullTokens[engine]! += fullTokens;
    this.joinTokens[engine]! += shape.joinTokens;
    this.sequences[engine]! += shape.sequences;
    this.#numbers[at] = number;
    this.#shapes[at] = shape;
    this.#full[at] = fullTokens;
    this.#taken[at] = 0;
    return at;
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
    const cell = engine * this.#fleet.models + this.model[engine]!;
    const rates = this.#rates[cell]!;
    const sequences = this.#decoding[engine]!;
    const middleTokens = this.#context[engine]! + (sequences * (steps - 1)) / 2;
    const us =
      stepUs(rates, this.#paces[cell]!, sequences) + rates.kvUsPerToken * middleTokens * rates.correction.decode;
    return Math.max(1, Math.round(steps * us * this.#slow[engine]!));
  }

  /** The next iterations, as the simulator fills them. */
  start(engine: number, nowUs: number, lookUp: LookUp): void {
    const from = engine * this.#span;
    const to = from + this.count[engine]!;
    let waiting = 0;
    let least = Infinity;
    let arriveUs = Infinity;
    let sequences = 0;
    let context = 0;
    for (let at = from; at < to; at++) {
      if (this.#opened[at] === 0 || this.#promptLeft[at]! > 0) {
        const readyUs = this.#readyUs[at]!;
        if (readyUs > nowUs) {
          if (readyUs < arriveUs) arriveUs = readyUs;
          continue;
        }
        if (this.#opened[at] === 0) this.#open(at, lookUp(this.#numbers[at]!, engine));
        if (this.#promptLeft[at]! > 0) waiting += 1;
      }
      const stepsLeft = this.#stepsLeft[at]!;
      if (stepsLeft <= 0) continue;
      if (stepsLeft < least) least = stepsLeft;
      sequences += this.#shapes[at]!.sequences;
      context += this.#contexts[at]!;
    }
    const { chunkedPrefill } = this.#batchings[engine]!;
    this.#decoding[engine] = waiting === 0 || chunkedPrefill ? sequences : 0;
    this.#context[engine] = context;
    this.#startUs[engine] = nowUs;
    if (waiting > 0) {
      this.#steps[engine] = 1;
      this.nextUs[engine] = nowUs + this.#takeIn(engine, from, to, nowUs);
    } else if (sequences > 0) {
      this.#steps[engine] = least;
      this.nextUs[engine] = nowUs + this.#decodeUs(engine, least);
    } else {
      this.#steps[engine] = 0;
      this.nextUs[engine] = arriveUs;
    }
  }

  #open(at: number, cachedTokens: number): void {
    const { promptTokens, sharedTokens, ownTokens } = this.#shapes[at]!;
    const usable = Math.max(0, Math.min(cachedTokens, sharedTokens - (ownTokens === 0 ? 1 : 0)));
    this.#opened[at] = 1;
    this.#promptDone[at] = usable;
    // A prompt of nothing takes an iteration all the same.
    this.#promptLeft[at] = Math.max(1, promptTokens - usable);
  }

  /** Notes how much of which prompt the next iteration takes in; returns how long it takes. */
  #takeIn(engine: number, from: number, to: number, nowUs: number): number {
    const { chunkedPrefill: chunked, prefillTokens: budget, prefillUs } = this.#batchings[engine]!;
    const rates = this.#rates[engine * this.#fleet.models + this.model[engine]!]!;
    const sequences = this.#decoding[engine]!;
    const context = sequences > 0 ? this.#context[engine]! : 0;
    const slow = this.#slow[engine]!;
    let left = chunked ? Math.max(1, budget - sequences) : budget;
    let tokens = 0;
    let pairs = 0;
    let prompts = 0;
    let us = 0;
    let full = false;
    for (let at = from; at < to; at++) {
      this.#taken[at] = 0;
      if (full || this.#opened[at] === 0 || this.#promptLeft[at]! <= 0 || this.#readyUs[at]! > nowUs) continue;
      const promptLeft = this.#promptLeft[at]!;
      const own = chunked ? Math.min(promptLeft, Math.max(0, left)) : promptLeft;
      full = own === 0 || (prompts > 0 && !chunked && own > left);
      if (full) continue;
      const { items, sharedTokens, ownTokens } = this.#shapes[at]!;
      const before = items === 1 ? this.#promptDone[at]! : sharedTokens + ownTokens / 2;
      const more = own * (items === 1 ? before + (own + 1) / 2 : before);
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
      this.#taken[at] = own;
    }
    if (prefillUs === undefined) us = iterationOfUs(rates, tokens, pairs, prompts, sequences, context) * slow;
    return Math.max(1, Math.round(us));
  }

  /** Ends the segment under way. */
  end(engine: number): void {
    this.prefilledCount = 0;
    this.finishedCount = 0;
    const steps = this.#steps[engine]!;
    this.#steps[engine] = 0;
    this.nextUs[engine] = Infinity;
    if (steps === 0) return;
    const from = engine * this.#span;
    const to = from + this.count[engine]!;
    const decoded = this.#decoding[engine]! > 0;
    let gone = false;
    for (let at = from; at < to; at++) {
      if (this.#stepsLeft[at]! > 0) {
        if (!decoded) continue;
        this.#stepsLeft[at]! -= steps;
        this.#contexts[at]! += steps * this.#shapes[at]!.sequences;
        if (this.#stepsLeft[at]! <= 0) gone = this.#leave(at, engine);
      } else if (this.#opened[at] === 1 && this.#promptLeft[at]! > 0) {
        const taken = this.#taken[at]!;
        this.#promptLeft[at]! -= taken;
        this.#promptDone[at]! += taken;
        if (taken === 0 || this.#promptLeft[at]! > 0) continue;
        const { decodeSteps, sequences, contextTokens } = this.#shapes[at]!;
        this.prefilled[this.prefilledCount++] = this.#numbers[at]!;
        this.#contexts[at] = sequences * contextTokens;
        this.#stepsLeft[at] = decodeSteps;
        if (decodeSteps === 0) gone = this.#leave(at, engine);
      }
    }
    if (gone) this.#closeUp(engine, from, to);
  }

  /** Its number says so until the others close up. */
  #leave(at: number, engine: number): true {
    const shape = this.#shapes[at]!;
    this.finished[this.finishedCount++] = this.#numbers[at]!;
    this.#numbers[at] = none;
    this.joinTokens[engine]! -= shape.joinTokens;
    this.sequences[engine]! -= shape.sequences;
    return true;
  }

  #closeUp(engine: number, from: number, to: number): void {
    let kept = from;
    let fullTokens = 0;
    for (let at = from; at < to; at++) {
      if (this.#numbers[at] === none) continue;
      fullTokens += this.#full[at]!;
      if (kept !== at) this.#move(at, kept);
      kept += 1;
    }
    this.fullTokens[engine] = fullTokens;
    this.count[engine] = kept - from;
    if (kept === from) this.model[engine] = none;
  }

  #move(from: number, to: number): void {
    this.#numbers[to] = this.#numbers[from]!;
    this.#shapes[to] = this.#shapes[from]!;
    this.#full[to] = this.#full[from]!;
    this.#readyUs[to] = this.#readyUs[from]!;
    this.#opened[to] = this.#opened[from]!;
    this.#promptLeft[to] = this.#promptLeft[from]!;
    this.#promptDone[to] = this.#promptDone[from]!;
    this.#stepsLeft[to] = this.#stepsLeft[from]!;
    this.#contexts[to] = this.#contexts[from]!;
  }

  /** Roughly how long until the batch has drained if nobody joins. */
  drainUs(engine: number): number {
    if (this.count[engine] === 0) return 0;
    const cell = engine * this.#fleet.models + this.model[engine]!;
    const rates = this.#rates[cell]!;
    const from = engine * this.#span;
    let steps = 0;
    let promptTokens = 0;
    let context = 0;
    for (let at = from; at < from + this.count[engine]!; at++) {
      const shape = this.#shapes[at]!;
      const opened = this.#opened[at] === 1;
      steps = Math.max(steps, this.#stepsLeft[at]! || shape.decodeSteps);
      promptTokens += opened ? this.#promptLeft[at]! : shape.promptTokens;
      context += shape.sequences * shape.contextTokens;
    }
    const eachUs = stepUs(rates, this.#paces[cell]!, this.sequences[engine]!) + rates.kvUsPerToken * context;
    return (steps * eachUs + promptTokens * rates.productUsPerToken) * this.#slow[engine]!;
  }

  /** How much longer the share decodes beside those that are in the batch now than alone. */
  besideUs(engine: number, model: number, shape: Shape): number {
    const cell = engine * this.#fleet.models + model;
    const pace = this.#paces[cell]!;
    const rates = this.#rates[cell]!;
    const beside = this.sequences[engine]!;
    const moreUs = stepUs(rates, pace, beside + shape.sequences) - stepUs(rates, pace, shape.sequences);
    return shape.decodeSteps * (moreUs + rates.kvUsPerToken * this.joinTokens[engine]!) * this.#slow[engine]!;
  }
}

/** What is left of a share that has joined before. */
export type Left = {
  readonly readyUs: number;
  readonly promptTokens: number;
  readonly steps: number;
  readonly contextTokens: number;
  readonly fullTokens: number;
};
