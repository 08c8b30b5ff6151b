/**
 * The calls of a forecast before they begin: which of them are ready and wait, those that wait now in their turn and others as they
 * become ready, and when these will be, as far as that is known. A call waits once it is ready, until it begins.
 */

import type { Calls } from "./calls.ts";

const none = -1;

export class Waiting {
  #calls: Calls;
  #inLine: number[] = [];
  /** By call: Infinity before it is known, -1 once it has begun. */
  #readyUs: Float64Array = new Float64Array(0);

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  reset(calls: Calls, nowUs: number): void {
    this.#calls = calls;
    this.#readyUs = new Float64Array(calls.count).fill(Infinity);
    this.#inLine = [];
    for (let call = 0; call < calls.count; call++) {
      if ((calls.parent[call] ?? none) !== none) continue;
      this.#readyUs[call] = calls.readyUs[call] ?? 0;
      if ((this.#readyUs[call] ?? 0) <= nowUs) this.#inLine.push(call);
    }
  }

  get calls(): Calls {
    return this.#calls;
  }

  /** Those that wait, the ones whose turn it is first, then as they came. */
  get inLine(): readonly number[] {
    return this.#inLine;
  }

  modelOf(call: number): number {
    return this.#calls.model[call] ?? 0;
  }

  /** How long a call has waited, or will have by then. */
  waitUs(call: number, atUs: number): number {
    return atUs - (this.#readyUs[call] ?? 0);
  }

  /** Of each model that calls wait for, the one that has waited longest, the most urgent first; in the same order. */
  longestOfEach(): readonly number[] {
    const { priority } = this.#calls;
    const compare = (left: number, right: number): number =>
      priority[right]! - priority[left]! || this.#readyUs[left]! - this.#readyUs[right]!;
    const longest = new Map<number, number>();
    for (const call of this.#inLine) {
      const before = longest.get(this.modelOf(call));
      if (before === undefined || compare(call, before) < 0) longest.set(this.modelOf(call), call);
    }
    return [...longest.values()].sort(compare);
  }

  /** Some call of the model waits. A function, since others are told by it who is to make way last. */
  readonly isFor = (model: number): boolean => {
    for (const call of this.#inLine) if (this.#calls.model[call] === model) return true;
    return false;
  };

  /** Asks about each that waits, in their order; the ones for which it returns true have begun. */
  beginEach(begin: (call: number) => boolean): void {
    let kept = 0;
    for (const call of this.#inLine) {
      if (begin(call)) this.#readyUs[call] = none;
      else this.#inLine[kept++] = call;
    }
    this.#inLine.length = kept;
  }

  /** When the next one becomes ready. */
  nextUs(atUs: number): number {
    let nextUs = Infinity;
    for (const readyUs of this.#readyUs) if (readyUs > atUs && readyUs < nextUs) nextUs = readyUs;
    return nextUs;
  }

  /** What comes after the call will be ready in its time. */
  end(ended: number, atUs: number): void {
    const { parent, readyUs: afterUs, count } = this.#calls;
    for (let call = ended + 1; call < count; call++)
      // One microsecond later at least, so that it is seen to become ready.
      if (parent[call] === ended) this.#readyUs[call] = atUs + Math.max(1, Math.round(afterUs[call] ?? 0));
  }

  /** What becomes ready at this time waits. To be told of every such time. */
  advance(atUs: number): void {
    for (let call = 0; call < this.#calls.count; call++) if (this.#readyUs[call] === atUs) this.#inLine.push(call);
  }
}
