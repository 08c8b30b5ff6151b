/**
 * Which shared prefixes engines have cached while a plan is laid out: what was used longest ago makes way for what stages leave, and for
 * the KV memory that they hold while they run.
 *
 * Each engine and model has a clock that counts tokens cached anew. What a link's stamp is behind the clock, so many tokens were used
 * after it, itself among them; it is gone when that has been more than there was room for. What was cached before and is used again after
 * a link does not count against it: such a link is believed to last a little longer than it does.
 */

import type { Scene } from "./scene.ts";

export class Caches {
  readonly #scene: Scene;
  /** By engine and link. */
  readonly #stamps: Float64Array;
  /** By engine and model, and the least stamp that is not gone. */
  readonly #clocks: Float64Array;
  readonly #floors: Float64Array;

  constructor(scene: Scene) {
    const { links, fleet } = scene;
    this.#scene = scene;
    this.#stamps = links.stamps.slice();
    this.#clocks = new Float64Array(fleet.engines.length * fleet.models);
    this.#floors = new Float64Array(fleet.engines.length * fleet.models);
  }

  reset(): void {
    const { links } = this.#scene;
    this.#stamps.set(links.stamps);
    this.#clocks.fill(0);
    this.#floors.fill(-Number.MAX_VALUE);
  }

  /** The model has been loaded anew. */
  forget(engine: number, model: number): void {
    const cell = engine * this.#scene.fleet.models + model;
    this.#floors[cell] = this.#clocks[cell]!;
  }

  /** What runs on the engine leaves `room` tokens for what is cached. */
  squeeze(engine: number, model: number, room: number): void {
    const cell = engine * this.#scene.fleet.models + model;
    const floor = this.#clocks[cell]! - room;
    if (floor > this.#floors[cell]!) this.#floors[cell] = floor;
  }

  /** Links of the stage's prompt that are cached there by then. */
  levelOf(stage: number, engine: number, model: number): number {
    const { links, fleet } = this.#scene;
    const floor = this.#floors[engine * fleet.models + model]!;
    const cell = stage * fleet.engines.length + engine;
    const level = links.cachedStamps[cell]! >= floor ? links.cached[cell]! : 0;
    const first = links.starts[stage]!;
    const from = engine * links.count;
    for (let at = links.starts[stage + 1]! - 1; at >= first; at--) {
      const own = links.levels[at]!;
      if (own <= level) break;
      if (this.#stamps[from + links.numbers[at]!]! >= floor) return own;
    }
    return level;
  }

  /** What the stage leaves cached there, of which `level` links were there before and for which there is `room`. */
  leave(stage: number, engine: number, model: number, level: number, room: number): void {
    const { links, fleet, times } = this.#scene;
    const cell = engine * fleet.models + model;
    const from = engine * links.count;
    const leaves = links.leaves[stage]!;
    const { linkTokens } = times[stage]!;
    const leftTokens = linkTokens[leaves]! + links.outputTokens[stage]!;
    const clock = this.#clocks[cell]! + leftTokens - linkTokens[Math.min(level, leaves)]!;
    this.#clocks[cell] = clock;
    for (let at = links.starts[stage]!; at < links.starts[stage + 1]! && links.levels[at]! <= leaves; at++)
      this.#stamps[from + links.numbers[at]!] = clock - linkTokens[links.levels[at]!]!;
    const output = links.outputs[stage]!;
    if (output >= 0) this.#stamps[from + output] = clock - leftTokens;
    if (clock - room > this.#floors[cell]!) this.#floors[cell] = clock - room;
  }
}
