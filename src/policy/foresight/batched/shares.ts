/**
 * Who is in the batch of each engine while a plan is laid out, what they hold there, and how far each has come. Flat arrays: an engine's
 * shares lie one after another, in the order in which they joined.
 */

import type { Left } from "./begun.ts";
import type { Fleet } from "../fleet.ts";
import type { Batched } from "./batchings.ts";
import { none } from "./members.ts";
import type { Shape } from "./shapes.ts";

export class Shares {
  /** Places that each engine has in the arrays. */
  readonly span: number;
  /** By engine: shares in the batch, their model, KV memory in the end and when they joined, and sequences. */
  readonly count: Int32Array;
  readonly model: Int32Array;
  readonly fullTokens: Float64Array;
  readonly joinTokens: Float64Array;
  readonly sequences: Float64Array;
  /** By engine, sequences of all its parts. */
  readonly #together: Float64Array;
  /** By place: who it is, when the inputs are there, and whether the prompt has been begun. */
  readonly numbers: Int32Array;
  readonly shapes: Shape[] = [];
  readonly readyUs: Float64Array;
  readonly opened: Uint8Array;
  /** By place: prompt tokens left, done, and taken in by the iteration under way; iterations left, and KV tokens of the sequences. */
  readonly promptLeft: Float64Array;
  readonly promptDone: Float64Array;
  readonly taken: Float64Array;
  readonly stepsLeft: Float64Array;
  readonly contexts: Float64Array;

  readonly #fleet: Fleet;
  readonly #batchings: readonly Batched[];
  readonly #full: Float64Array;

  constructor(fleet: Fleet, batchings: readonly Batched[], span: number) {
    const engines = fleet.engines.length;
    const places = engines * span;
    this.span = span;
    this.#fleet = fleet;
    this.#batchings = batchings;
    this.count = new Int32Array(engines);
    this.model = new Int32Array(engines);
    this.fullTokens = new Float64Array(engines);
    this.joinTokens = new Float64Array(engines);
    this.sequences = new Float64Array(engines);
    this.#together = new Float64Array(engines);
    this.numbers = new Int32Array(places);
    this.readyUs = new Float64Array(places);
    this.opened = new Uint8Array(places);
    this.promptLeft = new Float64Array(places);
    this.promptDone = new Float64Array(places);
    this.taken = new Float64Array(places);
    this.stepsLeft = new Float64Array(places);
    this.contexts = new Float64Array(places);
    this.#full = new Float64Array(places);
  }

  reset(): void {
    this.count.fill(0);
    this.model.fill(none);
    this.fullTokens.fill(0);
    this.joinTokens.fill(0);
    this.sequences.fill(0);
    this.#together.fill(0);
  }

  /** Whether the batch is of this model, or of none, and has places and KV memory to the end for the share beside `more` that are about to join. */
  fits(engine: number, model: number, shape: Shape, moreTokens: number, moreSequences: number): boolean {
    const current = this.model[engine]!;
    if (current !== none && current !== model) return false;
    if (this.fullTokens[engine]! + moreTokens + shape.fullTokens > this.capacity(engine, model)) return false;
    return this.hasPlaces(engine, moreSequences + shape.sequences);
  }

  /** For so many sequences, beside those of all parts of the engine. */
  hasPlaces(engine: number, sequences: number): boolean {
    return this.#together[this.#fleet.wholeOf[engine]!]! + sequences <= this.#batchings[engine]!.maxSequences;
  }

  /** Nothing is in the batch, nor in that of another part. */
  isEmpty(engine: number): boolean {
    return this.#together[this.#fleet.wholeOf[engine]!] === 0;
  }

  capacity(engine: number, model: number): number {
    return this.#fleet.kvTokens[engine * this.#fleet.models + model]!;
  }

  /** A share joins; its inputs arrive at `readyUs`. */
  join(engine: number, model: number, number: number, shape: Shape, readyUs: number): void {
    const at = this.#add(engine, model, number, shape, shape.fullTokens);
    this.readyUs[at] = readyUs;
    this.opened[at] = 0;
    this.promptLeft[at] = 0;
    this.stepsLeft[at] = 0;
    this.contexts[at] = 0;
  }

  /** A share that has joined before and has come so far: prompt tokens or iterations left, KV tokens of its sequences, KV memory in the end. */
  goOn(engine: number, model: number, number: number, shape: Shape, left: Left): void {
    const at = this.#add(engine, model, number, shape, left.fullTokens);
    this.readyUs[at] = left.readyUs;
    this.opened[at] = 1;
    this.promptLeft[at] = left.promptTokens;
    this.promptDone[at] = shape.promptTokens - left.promptTokens;
    this.stepsLeft[at] = left.promptTokens > 0 ? 0 : left.steps;
    this.contexts[at] = left.contextTokens;
  }

  #add(engine: number, model: number, number: number, shape: Shape, fullTokens: number): number {
    const at = engine * this.span + this.count[engine]!;
    this.count[engine]! += 1;
    this.model[engine] = model;
    this.fullTokens[engine]! += fullTokens;
    this.joinTokens[engine]! += shape.joinTokens;
    this.sequences[engine]! += shape.sequences;
    this.#together[this.#fleet.wholeOf[engine]!]! += shape.sequences;
    this.numbers[at] = number;
    this.shapes[at] = shape;
    this.#full[at] = fullTokens;
    this.taken[at] = 0;
    return at;
  }

  /** Who is at this place is done; its number says so until the others close up. */
  leave(engine: number, at: number): void {
    const shape = this.shapes[at]!;
    this.numbers[at] = none;
    this.joinTokens[engine]! -= shape.joinTokens;
    this.sequences[engine]! -= shape.sequences;
    this.#together[this.#fleet.wholeOf[engine]!]! -= shape.sequences;
  }

  /** After some have left. */
  closeUp(engine: number): void {
    const from = engine * this.span;
    const to = from + this.count[engine]!;
    let kept = from;
    let fullTokens = 0;
    for (let at = from; at < to; at++) {
      if (this.numbers[at] === none) continue;
      fullTokens += this.#full[at]!;
      if (kept !== at) this.#move(at, kept);
      kept += 1;
    }
    this.fullTokens[engine] = fullTokens;
    this.count[engine] = kept - from;
    if (kept === from) this.model[engine] = none;
  }

  #move(from: number, to: number): void {
    this.numbers[to] = this.numbers[from]!;
    this.shapes[to] = this.shapes[from]!;
    this.#full[to] = this.#full[from]!;
    this.readyUs[to] = this.readyUs[from]!;
    this.opened[to] = this.opened[from]!;
    this.promptLeft[to] = this.promptLeft[from]!;
    this.promptDone[to] = this.promptDone[from]!;
    // Of who still waits for inputs nothing has been taken in, whoever stood at the place before.
    this.taken[to] = this.taken[from]!;
    this.stepsLeft[to] = this.stepsLeft[from]!;
    this.contexts[to] = this.contexts[from]!;
  }
}
