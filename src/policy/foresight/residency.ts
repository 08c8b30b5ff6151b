/** Which models engines hold while a plan is laid out, and what they give up: what the plan calls last there. */

import type { Scene } from "./scene.ts";

/** A position behind all that a plan has. */
const notAgain = 1 << 24;
/** What `use` returns if the model is there. */
export const resident = -1;

export class Residency {
  readonly #scene: Scene;
  /** By engine and place, least recently used first. */
  readonly #models: Int32Array;
  readonly #held: Int32Array;
  /** By engine and model, the position at which the plan calls it there next. */
  readonly #due: Int32Array;
  /** By position and share, the next position of its model on its engine. */
  readonly #nextDue: Int32Array;
  #loadedUs = 0;

  constructor(scene: Scene) {
    const { engines, fleet, stages } = scene;
    this.#scene = scene;
    this.#models = engines.residents.slice();
    this.#held = engines.held.slice();
    this.#due = new Int32Array(fleet.engines.length * fleet.models);
    this.#nextDue = new Int32Array(stages.length * 2);
  }

  /** Back to what is true now. Goes through the plan from its end: by position the next use of the model, at last the first one. */
  reset(order: Int32Array, told: Int32Array): void {
    const { modelOf, fleet, engines } = this.#scene;
    const count = fleet.engines.length;
    this.#models.set(engines.residents);
    this.#held.set(engines.held);
    this.#due.fill(notAgain);
    this.#loadedUs = 0;
    for (let position = order.length - 1; position >= 0; position--) {
      const stage = order[position]!;
      const placement = told[stage]!;
      if (placement < 0) this.#nextDue[position * 2] = notAgain;
      else if (placement < count) this.#noteUse(position, 0, placement * fleet.models + modelOf[stage]!);
      else {
        const pair = fleet.pairs[placement - count]!;
        this.#noteUse(position, 0, pair[0] * fleet.models + modelOf[stage]!);
        this.#noteUse(position, 1, pair[1] * fleet.models + modelOf[stage]!);
      }
    }
  }

  #noteUse(position: number, share: number, cell: number): void {
    this.#nextDue[position * 2 + share] = this.#due[cell]!;
    this.#due[cell] = position;
  }

  has(engine: number, model: number): boolean {
    const from = engine * this.#scene.engines.span;
    for (let at = from + this.#held[engine]! - 1; at >= from; at--) if (this.#models[at] === model) return true;
    return false;
  }

  /** The model becomes the last one used there; returns what loading it takes, or `resident`. A position below 0 is none of the plan's. */
  use(engine: number, model: number, position: number, share: number): number {
    const { fleet, engines } = this.#scene;
    const models = this.#models;
    const cell = engine * fleet.models;
    const from = engine * engines.span;
    let count = this.#held[engine]!;
    for (let at = from + count - 1; at >= from; at--) {
      if (models[at] !== model) continue;
      for (; at < from + count - 1; at++) models[at] = models[at + 1]!;
      models[at] = model;
      if (position >= 0) this.#due[cell + model] = this.#nextDue[position * 2 + share]!;
      return resident;
    }
    let freeBytes = fleet.memoryBytes[engine]! - fleet.footprintBytes[cell + model]!;
    for (let at = from; at < from + count; at++) freeBytes -= fleet.footprintBytes[cell + models[at]!]!;
    while (count > 0 && (freeBytes < 0 || count >= fleet.mostResidents[engine]!)) {
      const victim = this.#pickVictim(cell, from, count);
      freeBytes += fleet.footprintBytes[cell + models[victim]!]!;
      for (let at = victim; at < from + count - 1; at++) models[at] = models[at + 1]!;
      count -= 1;
    }
    models[from + count] = model;
    this.#held[engine] = count + 1;
    if (position >= 0) this.#due[cell + model] = this.#nextDue[position * 2 + share]!;
    const loadUs = this.loadUs(engine, model);
    this.#loadedUs += loadUs;
    return loadUs;
  }

  /** All that was spent on loads so far. */
  get loadedUs(): number {
    return this.#loadedUs;
  }

  /** How many engines hold it. */
  copiesOf(model: number): number {
    let copies = 0;
    for (let engine = 0; engine < this.#held.length; engine++) if (this.has(engine, model)) copies += 1;
    return copies;
  }

  loadUs(engine: number, model: number): number {
    const { fleet, engines } = this.#scene;
    const us = fleet.loadUs[engine * fleet.models + model]!;
    const slow = engines.slowFactor[engine]!;
    return slow === 1 ? us : Math.round(us * slow);
  }

  /** Called last there, of equals called last anywhere, of equals the least recently used. */
  #pickVictim(cell: number, from: number, count: number): number {
    const { awayOf } = this.#scene;
    let victim = from;
    for (let at = from + 1; at < from + count; at++) {
      const model = this.#models[at]!;
      const worst = this.#models[victim]!;
      const due = this.#due[cell + model]!;
      const worstDue = this.#due[cell + worst]!;
      if (due > worstDue || (due === worstDue && awayOf[model]! > awayOf[worst]!)) victim = at;
    }
    return victim;
  }
}
