/**
 * Which shared prefixes engines have cached while a plan is laid out. What a stage leaves stays until its model makes way: that KV
 * memory may not hold all of it is not seen. Moments count loads and passes and only grow, so nothing has to be cleared.
 */

import type { Scene } from "./scene.ts";

export class Caches {
  readonly #scene: Scene;
  /** By engine and link, the moment of its last insertion. */
  readonly #insertedAt: Float64Array;
  /** By engine and model, the moment of its last load in this pass; 0 if it was there before. */
  readonly #loadedAt: Float64Array;
  #moment = 0;
  #startOfPass = 0;

  constructor(scene: Scene) {
    const { fleet, links } = scene;
    this.#scene = scene;
    this.#insertedAt = new Float64Array(fleet.engines.length * links.count);
    this.#loadedAt = new Float64Array(fleet.engines.length * fleet.models);
  }

  reset(): void {
    this.#loadedAt.fill(0);
    this.#moment += 1;
    this.#startOfPass = this.#moment;
  }

  /** The model has been loaded anew. */
  forget(engine: number, model: number): void {
    this.#moment += 1;
    this.#loadedAt[engine * this.#scene.fleet.models + model] = this.#moment;
  }

  /** Links of the stage's prompt that are cached there by then. */
  levelOf(stage: number, engine: number, model: number): number {
    const { links, fleet } = this.#scene;
    const loadedAt = this.#loadedAt[engine * fleet.models + model]!;
    const first = links.starts[stage]!;
    const level = loadedAt > 0 ? 0 : links.cached[stage * fleet.engines.length + engine]!;
    const since = loadedAt > 0 ? loadedAt : this.#startOfPass;
    for (let at = links.starts[stage + 1]! - 1; at >= first; at--) {
      const own = links.levels[at]!;
      if (own <= level) break;
      if (this.#insertedAt[engine * links.count + links.numbers[at]!]! >= since) return own;
    }
    return level;
  }

  /** What the stage leaves cached there. */
  leave(stage: number, engine: number): void {
    const { links } = this.#scene;
    const from = engine * links.count;
    const leaves = links.leaves[stage]!;
    for (let at = links.starts[stage]!; at < links.starts[stage + 1]! && links.levels[at]! <= leaves; at++)
      this.#insertedAt[from + links.numbers[at]!] = this.#moment;
    const output = links.outputs[stage]!;
    if (output >= 0) this.#insertedAt[from + output] = this.#moment;
  }
}
