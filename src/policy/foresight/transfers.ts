/** Where outputs lie while a plan is laid out, since when, and what ways between hosts still carry. */

import type { Scene } from "./scene.ts";

/** Hours behind anything that can be served. */
export const neverUs = 1e10;

export class Transfers {
  readonly #scene: Scene;
  /** By stage or source and host: since when the output is there. */
  readonly #copies: Float64Array;
  /** By stage and source: the one host that has its output, -1 if several have. */
  readonly #homes: Int32Array;
  readonly #wayFreeUs: Float64Array;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#copies = scene.copies.slice();
    this.#homes = scene.homes.slice();
    this.#wayFreeUs = scene.wayFreeUs.slice();
  }

  reset(): void {
    this.#copies.set(this.#scene.copies);
    this.#homes.set(this.#scene.homes);
    this.#wayFreeUs.set(this.#scene.wayFreeUs);
  }

  /** The stage's output lies on the host from then on. */
  write(stage: number, host: number, endUs: number): void {
    this.#copies[stage * this.#scene.fleet.hosts + host] = endUs;
    this.#homes[stage] = host;
  }

  /** Brings the stage's inputs to the host from `startUs` on; returns when all are there. */
  fetch(stage: number, to: number, startUs: number): number {
    const { parentStarts, parents, parentBytes, hasOutput, fleet } = this.#scene;
    const { hosts, wayOf } = fleet;
    const copies = this.#copies;
    let inputsUs = startUs;
    for (let at = parentStarts[stage]!; at < parentStarts[stage + 1]!; at++) {
      const parent = parents[at]!;
      if (hasOutput[parent] === 0 || copies[parent * hosts + to]! <= startUs) continue;
      const bytes = parentBytes[at]!;
      const home = this.#homes[parent]!;
      let bestUs = Infinity;
      let oldestUs = Infinity;
      let best = -1;
      for (let from = Math.max(0, home); from < hosts; from = home < 0 ? from + 1 : hosts) {
        const way = from * hosts + to;
        const copyUs = copies[parent * hosts + from]!;
        if (copyUs > startUs || wayOf[way]! < 0) continue;
        const us = Math.round(fleet.wayFixedUs[way]! + bytes * fleet.wayUsPerByte[way]!);
        // Of equal ways, from where the output has been longest.
        if (us > bestUs || (us === bestUs && copyUs >= oldestUs)) continue;
        bestUs = us;
        oldestUs = copyUs;
        best = wayOf[way]!;
      }
      const thereUs = best < 0 ? startUs + neverUs : this.#carry(best, startUs, bestUs);
      if (best >= 0 && thereUs < copies[parent * hosts + to]!) copies[parent * hosts + to] = thereUs;
      this.#homes[parent] = -1;
      if (thereUs > inputsUs) inputsUs = thereUs;
    }
    return inputsUs;
  }

  #carry(way: number, startUs: number, us: number): number {
    const { serial } = this.#scene.fleet.ways[way]!;
    const thereUs = (serial ? Math.max(startUs, this.#wayFreeUs[way]!) : startUs) + us;
    this.#wayFreeUs[way] = thereUs;
    return thereUs;
  }

  /** As `fetch`, but nothing moves, and ways are free. */
  wouldFetch(stage: number, to: number, startUs: number): number {
    const { parentStarts, parents, parentBytes, hasOutput, fleet } = this.#scene;
    const { hosts, wayOf } = fleet;
    let inputsUs = startUs;
    for (let at = parentStarts[stage]!; at < parentStarts[stage + 1]!; at++) {
      const parent = parents[at]!;
      if (hasOutput[parent] === 0 || this.#copies[parent * hosts + to]! <= startUs) continue;
      const home = this.#homes[parent]!;
      let bestUs = neverUs;
      for (let from = Math.max(0, home); from < hosts; from = home < 0 ? from + 1 : hosts) {
        const way = from * hosts + to;
        if (this.#copies[parent * hosts + from]! > startUs || wayOf[way]! < 0) continue;
        bestUs = Math.min(bestUs, fleet.wayFixedUs[way]! + parentBytes[at]! * fleet.wayUsPerByte[way]!);
      }
      inputsUs = Math.max(inputsUs, startUs + bestUs);
    }
    return inputsUs;
  }
}
