/**
 * What the engines run in a forecast: batches, who is in them until when, loads under way. Flat arrays, since a plan makes hundreds of
 * forecasts.
 */

import type { Calls } from "./calls.ts";
import type { Fleet } from "./fleet.ts";

const none = -1;

export class Batches {
  readonly #fleet: Fleet;
  readonly #nowUs: number;
  readonly #engines: number;
  readonly #models: number;
  /** Places of a row, as many as any engine may need. */
  readonly #span: number;
  readonly #loadEndUs: Float64Array;
  readonly #count: Int32Array;
  /** By engine: places that are taken, by its batch and by those of all its parts. */
  readonly #taken: Int32Array;
  readonly #together: Int32Array;
  readonly #model: Int32Array;
  readonly #kvUsed: Float64Array;
  /** By engine: until when it takes in the prompts of those that have begun. */
  readonly #prefilledUs: Float64Array;
  /** By engine and place. */
  readonly #endUs: Float64Array;
  readonly #endPlaces: Int32Array;
  readonly #endKv: Float64Array;
  readonly #endCall: Int32Array;

  constructor(fleet: Fleet, nowUs: number) {
    this.#fleet = fleet;
    this.#nowUs = nowUs;
    this.#engines = fleet.held.length;
    this.#models = fleet.reloadUs.length;
    this.#span = Math.max(1, ...fleet.places, ...fleet.running.map(({ length }) => length));
    this.#loadEndUs = new Float64Array(this.#engines);
    this.#count = new Int32Array(this.#engines);
    this.#taken = new Int32Array(this.#engines);
    this.#together = new Int32Array(this.#engines);
    this.#model = new Int32Array(this.#engines);
    this.#kvUsed = new Float64Array(this.#engines);
    this.#prefilledUs = new Float64Array(this.#engines);
    this.#endUs = new Float64Array(this.#engines * this.#span);
    this.#endPlaces = new Int32Array(this.#engines * this.#span);
    this.#endKv = new Float64Array(this.#engines * this.#span);
    this.#endCall = new Int32Array(this.#engines * this.#span);
  }

  reset(): void {
    this.#loadEndUs.set(this.#fleet.loadEndUs);
    this.#count.fill(0);
    this.#taken.fill(0);
    this.#together.fill(0);
    this.#model.fill(none);
    this.#kvUsed.fill(0);
    this.#prefilledUs.fill(this.#nowUs);
    for (const [engine, running] of this.#fleet.running.entries())
      for (const { model, endUs, places, kvTokens } of running) {
        this.#model[engine] = model;
        this.#hold(engine, endUs, places, kvTokens, none);
      }
  }

  #hold(engine: number, endUs: number, places: number, kvTokens: number, call: number): void {
    const at = engine * this.#span + this.count(engine);
    this.#endUs[at] = endUs;
    this.#endPlaces[at] = places;
    this.#endKv[at] = kvTokens;
    this.#endCall[at] = call;
    this.#count[engine] = 1 + this.count(engine);
    this.#take(engine, places);
    this.#kvUsed[engine] = kvTokens + (this.#kvUsed[engine] ?? 0);
  }

  #take(engine: number, places: number): void {
    this.#taken[engine]! += places;
    this.#together[this.#fleet.wholeOf[engine]!]! += places;
  }

  count(engine: number): number {
    return this.#count[engine] ?? 0;
  }

  isLoading(engine: number, atUs: number): boolean {
    return (this.#loadEndUs[engine] ?? 0) > atUs;
  }

  /** The batch is of this model. */
  runs(engine: number, model: number): boolean {
    return this.count(engine) > 0 && this.#model[engine] === model;
  }

  /** Until the batch has ended. */
  drainUs(engine: number, atUs: number): number {
    let drainUs = 0;
    const from = engine * this.#span;
    for (let at = from; at < from + this.count(engine); at++)
      drainUs = Math.max(drainUs, (this.#endUs[at] ?? 0) - atUs);
    return drainUs;
  }

  /** Of all that run, how long they go on; 0 if nothing does. */
  meanLeftUs(atUs: number): number {
    let leftUs = 0;
    let count = 0;
    for (let engine = 0; engine < this.#engines; engine++) {
      const from = engine * this.#span;
      for (let at = from; at < from + this.count(engine); at++) leftUs += (this.#endUs[at] ?? 0) - atUs;
      count += this.count(engine);
    }
    return count === 0 ? 0 : leftUs / count;
  }

  /** There is no batch, or one of the call's model with room for its KV; and it has places enough. */
  hasRoom(calls: Calls, call: number, engine: number): boolean {
    if (this.freePlaces(engine) < this.placesOf(calls, call, engine)) return false;
    if (this.count(engine) === 0) return true;
    const model = calls.model[call] ?? 0;
    if (this.#model[engine] !== model) return false;
    const capacity = this.#fleet.kvTokens[engine * this.#models + model] ?? 0;
    return (this.#kvUsed[engine] ?? 0) + (calls.kvTokens[call * this.#engines + engine] ?? 0) <= capacity;
  }

  freePlaces(engine: number): number {
    return (this.#fleet.places[engine] ?? 1) - this.#together[this.#fleet.wholeOf[engine]!]!;
  }

  placesOf(calls: Calls, call: number, engine: number): number {
    return calls.places[call * this.#engines + engine] ?? 1;
  }

  /** When a call would end that begins then beside those that run now, its prompt behind those that are being taken in. */
  endUs(calls: Calls, call: number, engine: number, atUs: number): number {
    const cell = call * this.#engines + engine;
    const decodeUs = (calls.decodeUs[cell] ?? 0) + this.#taken[engine]! * (calls.besideUs[cell] ?? 0);
    const startUs = Math.max(atUs + (calls.inputsUs[cell] ?? 0), this.#prefilledUs[engine] ?? 0);
    return startUs + (calls.prefillUs[cell] ?? 0) + decodeUs;
  }

  /** When it would end if it began then beside nobody but so many that begin with it. */
  aloneEndUs(calls: Calls, call: number, engine: number, atUs: number, beside: number): number {
    const cell = call * this.#engines + engine;
    const decodeUs = (calls.decodeUs[cell] ?? 0) + beside * (calls.besideUs[cell] ?? 0);
    return atUs + (calls.inputsUs[cell] ?? 0) + (1 + beside) * (calls.prefillUs[cell] ?? 0) + decodeUs;
  }

  loadedUs(engine: number): number {
    return this.#loadEndUs[engine] ?? 0;
  }

  /** When so many of the batch have ended that the call finds its places behind others that take so many; Infinity if not even then. */
  placesUs(calls: Calls, call: number, engine: number, ahead: number): number {
    const places = this.placesOf(calls, call, engine);
    const free = this.freePlaces(engine);
    // Whoever finds places and no KV memory takes those of one that ends.
    let missing = ahead + places - (free < places ? free : 0);
    const from = engine * this.#span;
    const ends = Array.from({ length: this.count(engine) }, (_, at) => from + at);
    ends.sort((left, right) => this.#endUs[left]! - this.#endUs[right]!);
    for (const at of ends) {
      missing -= this.#endPlaces[at]!;
      if (missing <= 0) return this.#endUs[at]!;
    }
    return Infinity;
  }

  /** Those beside it wait for its prompt. Returns what it takes, and how much longer they do. */
  begin(calls: Calls, call: number, engine: number, atUs: number): number {
    const prefillUs = calls.prefillUs[call * this.#engines + engine] ?? 0;
    const endUs = Math.max(atUs + 1, Math.round(this.endUs(calls, call, engine, atUs)));
    const count = this.count(engine);
    const from = engine * this.#span;
    for (let at = from; at < from + count; at++) this.#endUs[at] = Math.round((this.#endUs[at] ?? 0) + prefillUs);
    this.#prefilledUs[engine] = Math.max(atUs, this.#prefilledUs[engine] ?? 0) + prefillUs;
    this.#model[engine] = calls.model[call] ?? 0;
    const cell = call * this.#engines + engine;
    this.#hold(engine, endUs, this.placesOf(calls, call, engine), calls.kvTokens[cell] ?? 0, call);
    return endUs - atUs + count * prefillUs;
  }

  load(engine: number, endUs: number): void {
    this.#loadEndUs[engine] = Math.round(endUs);
    this.#model[engine] = none;
  }

  /** When something ends or is loaded. */
  nextUs(atUs: number): number {
    let nextUs = Infinity;
    for (let engine = 0; engine < this.#engines; engine++) {
      const loadEndUs = this.#loadEndUs[engine] ?? 0;
      if (loadEndUs > atUs) nextUs = Math.min(nextUs, loadEndUs);
      const from = engine * this.#span;
      for (let at = from; at < from + this.count(engine); at++) nextUs = Math.min(nextUs, this.#endUs[at] ?? 0);
    }
    return nextUs;
  }

  /** Lets go of what has ended by then; `onEnd` is told which calls of the forecast that were. */
  advance(atUs: number, onEnd: (call: number) => void): void {
    for (let engine = 0; engine < this.#engines; engine++) {
      const from = engine * this.#span;
      let kept = 0;
      for (let at = from; at < from + this.count(engine); at++) {
        if ((this.#endUs[at] ?? 0) > atUs) {
          this.#endUs[from + kept] = this.#endUs[at] ?? 0;
          this.#endPlaces[from + kept] = this.#endPlaces[at] ?? 0;
          this.#endKv[from + kept] = this.#endKv[at] ?? 0;
          this.#endCall[from + kept] = this.#endCall[at] ?? 0;
          kept += 1;
          continue;
        }
        this.#take(engine, -(this.#endPlaces[at] ?? 0));
        this.#kvUsed[engine] = (this.#kvUsed[engine] ?? 0) - (this.#endKv[at] ?? 0);
        const call = this.#endCall[at] ?? none;
        if (call !== none) onEnd(call);
      }
      this.#count[engine] = kept;
      if (this.isLoading(engine, atUs)) continue;
      this.#loadEndUs[engine] = 0;
      if (kept === 0) this.#model[engine] = none;
    }
  }
}
