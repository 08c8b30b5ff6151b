/**
 * Where a call begins: of the engines that can begin it at once, the one on which it ends first, what its prompt costs those beside
 * it included; nowhere yet, if it ends much sooner on an engine that holds its model, or is to, and has no room so far.
 *
 * Calls are placed in rounds, all of one instant. Of a round it is known how many are to begin on an engine before others.
 */

import type { Batches } from "./batches.ts";
import type { Calls } from "./calls.ts";
import type { FleetCopy } from "./fleet-copy.ts";

const none = -1;
/** A call is of middling length if it takes so many times what those that run have left on average. Swept. */
const middlingTurns = 4;
/** A call waits for a better engine if it ends there in this part of the time at most: when that has room is only nearly known. */
const waitingGain = 0.5;

export class Placing {
  readonly #copy: FleetCopy;
  readonly #batches: Batches;
  readonly #engines: number;
  /** Of the round. */
  #calls: Calls;
  #atUs = 0;
  #middlingUs = 0;
  /** By engine: how many that wait are to begin there before others, and how many places these take. */
  readonly #promised: Int32Array;
  readonly #promisedPlaces: Int32Array;
  /** By engine: when the call that is being placed would end there; Infinity where it cannot begin. */
  readonly #endsUs: Float64Array;

  constructor(copy: FleetCopy, calls: Calls) {
    this.#copy = copy;
    this.#batches = copy.batches;
    this.#engines = copy.engines;
    this.#calls = calls;
    this.#promised = new Int32Array(copy.engines);
    this.#promisedPlaces = new Int32Array(copy.engines);
    this.#endsUs = new Float64Array(copy.engines);
  }

  startRound(calls: Calls, atUs: number): void {
    this.#calls = calls;
    this.#atUs = atUs;
    this.#middlingUs = middlingTurns * this.#batches.meanLeftUs(atUs);
    this.#promised.fill(0);
    this.#promisedPlaces.fill(0);
  }

  /**
   * Undefined if it is to wait. What its prompt costs others counts in full for a call as long as theirs, less for a short one, to
   * which the same delay is more.
   */
  pickEngine(call: number): number | undefined {
    const leastUs = this.#layEnds(call) - this.#atUs;
    if (leastUs === Infinity || this.#waitsForBetter(call, leastUs)) return undefined;
    const weight = leastUs < this.#middlingUs ? leastUs / this.#middlingUs : 1;
    let best: number | undefined;
    let bestUs = Infinity;
    for (let engine = 0; engine < this.#engines; engine++) {
      const endUs = this.#endsUs[engine]!;
      if (endUs === Infinity) continue;
      const besideUs = this.#batches.count(engine) * (this.#calls.prefillUs[call * this.#engines + engine] ?? 0);
      const us = endUs + weight * besideUs;
      if (us < bestUs) [best, bestUs] = [engine, us];
    }
    return best;
  }

  /** When the call that was asked about last would end there. */
  endUs(engine: number): number {
    return this.#endsUs[engine]!;
  }

  /** Returns the first of its ends. */
  #layEnds(call: number): number {
    let firstUs = Infinity;
    for (let engine = 0; engine < this.#engines; engine++) {
      const canBegin = this.#copy.canBegin(this.#calls, call, engine, this.#atUs);
      const endUs = canBegin ? this.#batches.endUs(this.#calls, call, engine, this.#atUs) : Infinity;
      this.#endsUs[engine] = endUs;
      if (endUs < firstUs) firstUs = endUs;
    }
    return firstUs;
  }

  /** It would end much sooner on an engine that cannot begin it yet, and has a place there from now on. */
  #waitsForBetter(call: number, leastUs: number): boolean {
    let best = none;
    let soonestUs = waitingGain * leastUs;
    for (let engine = 0; engine < this.#engines; engine++) {
      if (this.#batches.aloneEndUs(this.#calls, call, engine, 0, 0) >= soonestUs) continue;
      const us = this.#laterUs(call, engine);
      if (us < soonestUs) [best, soonestUs] = [engine, us];
    }
    if (best === none) return false;
    this.#promised[best]! += 1;
    this.#promisedPlaces[best]! += this.#batches.placesOf(this.#calls, call, best);
    return true;
  }

  /** From now until it ends on an engine that holds its model or is to hold it, but cannot begin it yet; of any other Infinity. */
  #laterUs(call: number, engine: number): number {
    const model = this.#calls.model[call] ?? 0;
    if (!this.#copy.mayGo(this.#calls, call, engine) || this.#endsUs[engine]! < Infinity) return Infinity;
    if (this.#copy.turnsAway(engine, model)) return Infinity;
    const isLoading = this.#batches.isLoading(engine, this.#atUs);
    if (!isLoading && this.#copy.turnOf(engine) !== model) return this.#laterInBatchUs(call, model, engine);
    if (isLoading && !this.#copy.isComingTo(engine, model, this.#atUs)) return Infinity;
    const ahead = this.#promised[engine]!;
    const places = this.#promisedPlaces[engine]! + this.#batches.placesOf(this.#calls, call, engine);
    if (places > (this.#copy.fleet.places[engine] ?? 1)) return Infinity;
    const fromUs = isLoading ? this.#batches.loadedUs(engine) : this.#turnedUs(engine, model);
    return this.#batches.aloneEndUs(this.#calls, call, engine, fromUs, ahead) - this.#atUs;
  }

  /** Once enough of the batch have ended for it and those that are to begin before it. */
  #laterInBatchUs(call: number, model: number, engine: number): number {
    if (!this.#batches.runs(engine, model)) return Infinity;
    const us = this.#batches.placesUs(this.#calls, call, engine, this.#promisedPlaces[engine]!);
    if (us === Infinity) return Infinity;
    return this.#batches.endUs(this.#calls, call, engine, Math.max(this.#atUs, us)) - this.#atUs;
  }

  /** When the engine has turned to the model. */
  #turnedUs(engine: number, model: number): number {
    const { residents } = this.#copy;
    const loadUs = residents.isHeld(engine, model) ? 0 : residents.loadUs(engine, model);
    return this.#atUs + this.#batches.drainUs(engine, this.#atUs) + loadUs;
  }

  /** The engine that does not hold its model and yet would end it first, a load included; undefined if it ends as soon here. */
  soonerTurn(call: number, engine: number): number | undefined {
    const model = this.#calls.model[call] ?? 0;
    const { residents } = this.#copy;
    let best: number | undefined;
    let endUs = this.#batches.endUs(this.#calls, call, engine, this.#atUs);
    for (let other = 0; other < this.#engines; other++) {
      if (this.#batches.isLoading(other, this.#atUs)) continue;
      if (this.#copy.turnOf(other) !== none || residents.isHeld(other, model)) continue;
      if (!this.#copy.mayGo(this.#calls, call, other)) continue;
      const us = this.#batches.aloneEndUs(this.#calls, call, other, this.#turnedUs(other, model), 0);
      if (us < endUs) [best, endUs] = [other, us];
    }
    return best;
  }
}
