/** Which models the engines hold in a forecast, who makes way for whom, and what it takes to bring models back. */

import type { Fleet } from "./fleet.ts";

const none = -1;

export class Residents {
  readonly #fleet: Fleet;
  readonly #engines: number;
  readonly #models: number;
  /** By engine, least recently used first. */
  readonly #held: number[][];
  /** By engine and model whether it is held there, and by model on how many engines. */
  readonly #isHeld: Uint8Array;
  readonly #copies: Int32Array;
  /** By engine: memory that is free, and how many more models it may hold. */
  readonly #freeBytes: Float64Array;
  readonly #freePlaces: Int32Array;
  /** Models that are known before others, and of these what takes longest to load. */
  readonly #largestFirst: readonly number[];

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
    this.#engines = fleet.held.length;
    this.#models = fleet.reloadUs.length;
    this.#held = fleet.held.map(() => []);
    this.#isHeld = new Uint8Array(this.#engines * this.#models);
    this.#copies = new Int32Array(this.#models);
    this.#freeBytes = new Float64Array(this.#engines);
    this.#freePlaces = new Int32Array(this.#engines);
    this.#largestFirst = Array.from(fleet.reloadUs.keys()).sort(
      (left, right) =>
        (fleet.known[right] ?? 0) - (fleet.known[left] ?? 0) ||
        (fleet.reloadUs[right] ?? 0) - (fleet.reloadUs[left] ?? 0),
    );
    this.reset();
  }

  reset(): void {
    this.#isHeld.fill(0);
    this.#copies.fill(0);
    this.#freeBytes.set(this.#fleet.memoryBytes);
    this.#freePlaces.set(this.#fleet.mostModels);
    for (const [engine, held] of this.#fleet.held.entries()) {
      this.#held[engine] = [...held];
      for (const model of held) this.#note(engine, model, 1);
    }
  }

  #note(engine: number, model: number, held: 0 | 1): void {
    const cell = engine * this.#models + model;
    const more = held - this.#isHeld[cell]!;
    this.#copies[model]! += more;
    this.#freeBytes[engine]! -= more * this.#bytesOf(engine, model);
    this.#freePlaces[engine]! -= more;
    this.#isHeld[cell] = held;
  }

  #bytesOf(engine: number, model: number): number {
    return this.#fleet.bytes[engine * this.#models + model] ?? 0;
  }

  isHeld(engine: number, model: number): boolean {
    return this.#isHeld[engine * this.#models + model] === 1;
  }

  isAnywhere(model: number, except = none): boolean {
    return this.#copies[model]! > (except !== none && this.isHeld(except, model) ? 1 : 0);
  }

  /** Of all models that may be called again some engine holds each. */
  hasAll(): boolean {
    for (let model = 0; model < this.#models; model++)
      if ((this.#fleet.wanted[model] ?? 0) > 0 && this.#copies[model] === 0) return false;
    return true;
  }

  /** Once the engine has loaded a model into free memory, each that may be called again is held somewhere, or finds free memory too. */
  leavesRoom(engine: number, loaded: number): boolean {
    for (let model = 0; model < this.#models; model++) {
      if (model === loaded || (this.#fleet.wanted[model] ?? 0) === 0 || this.#copies[model]! > 0) continue;
      if (!this.#hasRoom(model, engine, loaded)) return false;
    }
    return true;
  }

  /** Some engine has memory for it that is free, beside what one of them loads. */
  #hasRoom(model: number, loading: number, loaded: number): boolean {
    for (let engine = 0; engine < this.#engines; engine++) {
      const bytes = this.#bytesOf(engine, model);
      if (bytes === 0) continue;
      const takenBytes = engine === loading ? this.#bytesOf(engine, loaded) : 0;
      const taken = engine === loading ? 1 : 0;
      if (this.#freePlaces[engine]! > taken && this.#freeBytes[engine]! >= bytes + takenBytes) return true;
    }
    return false;
  }

  /** The model that came or was used last. */
  latest(engine: number): number | undefined {
    return this.#held[engine]?.at(-1);
  }

  use(engine: number, model: number): void {
    const held = this.#held[engine] ?? [];
    if (held.at(-1) === model) return;
    held.splice(held.indexOf(model), 1);
    held.push(model);
  }

  replace(engine: number, victims: readonly number[], model: number): void {
    this.#held[engine] = [...(this.#held[engine] ?? []).filter((each) => !victims.includes(each)), model];
    for (const victim of victims) this.#note(engine, victim, 0);
    this.#note(engine, model, 1);
  }

  loadUs(engine: number, model: number): number {
    return this.#fleet.loadUs[engine * this.#models + model] ?? Infinity;
  }

  /** To load it again, as far as it is wanted; nothing if it is held elsewhere. */
  lostUs(model: number, engine: number): number {
    if (this.isAnywhere(model, engine)) return 0;
    return (this.#fleet.reloadUs[model] ?? 0) * (this.#fleet.wanted[model] ?? 0);
  }

  /** What other models the engine could hold: among engines that cost the same, it is to be the one where least is in the way. */
  roomUs(engine: number, model: number): number {
    let us = 0;
    for (let other = 0; other < this.#models; other++)
      if (other !== model && (this.#fleet.bytes[engine * this.#models + other] ?? 0) > 0)
        us += (this.#fleet.reloadUs[other] ?? 0) * (this.#fleet.wanted[other] ?? 0);
    return us;
  }

  /** Who makes way: those that cost the least to bring back, of equals the least recently used, those waited for last, and nobody in vain. Undefined if there is no room even so. */
  victimsOf(engine: number, model: number, isWaitedFor: (model: number) => boolean): number[] | undefined {
    let freeBytes = this.#freeBytes[engine]! - this.#bytesOf(engine, model);
    let places = this.#freePlaces[engine]! - 1;
    if (freeBytes >= 0 && places >= 0) return [];
    const held = this.#held[engine] ?? [];
    const order = held
      .map((each, age) => ({ each, age, us: this.lostUs(each, engine) + (isWaitedFor(each) ? waitedForUs : 0) }))
      .sort((left, right) => left.us - right.us || left.age - right.age);
    const victims: number[] = [];
    for (const { each } of order) {
      if (freeBytes >= 0 && places >= 0) break;
      victims.push(each);
      freeBytes += this.#bytesOf(engine, each);
      places += 1;
    }
    if (freeBytes < 0 || places < 0) return undefined;
    return victims.filter((each) => {
      if (freeBytes < this.#bytesOf(engine, each) || places < 1) return true;
      freeBytes -= this.#bytesOf(engine, each);
      places -= 1;
      return false;
    });
  }

  /**
   * What it takes to bring in, one after another, the models that are not held, with those that must make way for them. All these
   * moves are made, so it is asked last.
   */
  missingUs(isWaitedFor: (model: number) => boolean): number {
    let totalUs = 0;
    for (const model of this.#largestFirst) {
      const wanted = this.#fleet.wanted[model] ?? 0;
      if (wanted === 0 || this.isAnywhere(model)) continue;
      let best = none;
      let leastUs = Infinity;
      for (let engine = 0; engine < this.#engines; engine++) {
        let us = this.loadUs(engine, model);
        if (us >= leastUs) continue;
        for (const victim of this.victimsOf(engine, model, isWaitedFor) ?? []) us += this.lostUs(victim, engine);
        if (us < leastUs) [best, leastUs] = [engine, us];
      }
      if (best === none) continue;
      totalUs += wanted * leastUs;
      this.replace(best, this.victimsOf(best, model, isWaitedFor) ?? [], model);
    }
    return totalUs;
  }
}

/** Before a model that calls wait for, anything else goes. */
const waitedForUs = 1e12;
