/**
 * When a plan gives calls to the engines that take their prompts in: in its order, those that are ready, when an engine is done with the
 * prompts that it has, and as many as it takes in at once. Who is not ready is passed by; who is too much for a batch keeps those behind it
 * waiting.
 */

import { sharePrefillUs } from "../../../../cost/phase.ts";
import { shareWork, type ShareWork } from "../../../../cost/share-work.ts";
import { kvTransferUs } from "../../../../cost/transfer.ts";
import { addedUs, batchWorkUs } from "../../../agents/engine-book.ts";
import type { Caches } from "../../caches.ts";
import type { Paces } from "../../batched/paces.ts";
import type { Scene } from "../../scene.ts";
import type { Transfers } from "../../transfers.ts";
import { none, type Calls } from "./calls.ts";
import type { Decodes } from "./decodes.ts";
import type { Prefills } from "./prefills.ts";

type Engines = {
  readonly models: Int32Array;
  readonly paces: Paces;
  readonly caches: Caches;
  readonly transfers: Transfers;
  readonly prefills: Prefills;
  readonly decodes: Decodes;
};

export class Giving {
  /** By stage, when it is given to its engine. */
  readonly placedUs: Float64Array;

  readonly #scene: Scene;
  readonly #calls: Calls;
  readonly #engines: Engines;
  /** Prompts of a batch take no longer than this, but for the first; and by engine, what it takes in. */
  readonly #mostBatchUs: number;
  readonly #batchUs: Float64Array;
  readonly #isReady: Uint8Array;
  /** By engine: the first call that it has not been given; by stage the next one. By engine, how many of them are ready. */
  readonly #head: Int32Array;
  readonly #next: Int32Array;
  readonly #waiting: Int32Array;
  readonly #works: (ShareWork | undefined)[];

  constructor(scene: Scene, calls: Calls, engines: Engines, mostBatchUs: number) {
    const { stages, fleet } = scene;
    this.#scene = scene;
    this.#calls = calls;
    this.#engines = engines;
    this.placedUs = new Float64Array(stages.length);
    this.#isReady = new Uint8Array(stages.length);
    this.#head = new Int32Array(fleet.engines.length);
    this.#next = new Int32Array(stages.length);
    this.#waiting = new Int32Array(fleet.engines.length);
    this.#mostBatchUs = mostBatchUs;
    this.#batchUs = Float64Array.from(fleet.engines, (costs, engine) => {
      const model = engines.models[engine]!;
      return model < 0 ? 0 : batchWorkUs(costs, engines.paces.ratesOf(engine, model));
    });
    this.#works = Array.from({ length: calls.count });
  }

  /** Nothing has been given yet. */
  reset(order: Int32Array, neverUs: number): void {
    this.placedUs.fill(neverUs);
    this.#isReady.fill(0);
    this.#head.fill(none);
    this.#waiting.fill(0);
    for (let at = order.length - 1; at >= 0; at--) {
      const stage = order[at]!;
      const engine = this.#calls.prefillAt[stage]!;
      if (engine < 0) continue;
      this.#next[stage] = this.#head[engine]!;
      this.#head[engine] = stage;
    }
  }

  /** All that the stage waits for has ended. */
  noteReady(stage: number): void {
    this.#isReady[stage] = 1;
    const engine = this.#calls.prefillAt[stage]!;
    if (engine >= 0) this.#waiting[engine]! += 1;
  }

  /** Whether the engine was given anything. */
  give(engine: number, atUs: number): boolean {
    if (this.#waiting[engine] === 0) return false;
    const { prefills } = this.#engines;
    if (prefills.isTaking(engine)) return false;
    const queue = prefills.queues[engine]!;
    const mostUs = Math.min(this.#mostBatchUs, this.#batchUs[engine]!);
    let beforeUs = 0;
    for (const call of queue) beforeUs += this.#workUs(call, engine);
    let given = false;
    let before = none;
    for (let stage = this.#head[engine]!; stage !== none && beforeUs < mostUs; stage = this.#next[stage]!) {
      if (this.#isReady[stage] === 0) {
        before = stage;
        continue;
      }
      const us = this.#workUs(stage, engine);
      if (beforeUs > 0 && beforeUs + us > this.#mostBatchUs) break;
      if (before === none) this.#head[engine] = this.#next[stage]!;
      else this.#next[before] = this.#next[stage]!;
      this.#waiting[engine]! -= 1;
      this.#place(stage, engine, atUs);
      queue.push(stage);
      beforeUs += us;
      given = true;
    }
    return given;
  }

  /** What the prompt adds to a batch. */
  #workUs(call: number, engine: number): number {
    const rates = this.#engines.paces.ratesOf(engine, this.#engines.models[engine]!);
    return addedUs(rates, this.#aloneUs(call, engine));
  }

  #aloneUs(call: number, engine: number): number {
    const { paces, models, caches } = this.#engines;
    const stage = this.#calls.stageOf(call);
    const { sequences } = this.#calls.shapeOf(call, engine);
    const work = (this.#works[call] ??= shareWork(stage, stage.items, sequences, stage.outputTokens));
    const times = this.#scene.times[call];
    const cached =
      times === undefined
        ? this.#calls.cachedNow(call)
        : times.linkTokens[caches.levelOf(call, engine, models[engine]!)]!;
    return sharePrefillUs(paces.ratesOf(engine, models[engine]!), work, stage.items, cached) * paces.slowOf(engine);
  }

  #place(stage: number, engine: number, atUs: number): void {
    const { transfers, prefills, decodes, paces, models } = this.#engines;
    const { fleet } = this.#scene;
    const inputsUs = transfers.wouldFetch(stage, fleet.hostOf[engine]!, atUs) - atUs;
    this.placedUs[stage] = atUs;
    this.#calls.sinceUs[stage] = atUs;
    this.#calls.expectedUs[stage] = Math.round(this.#aloneUs(stage, engine)) + inputsUs;
    const decoder = this.#calls.decodeAt[stage]!;
    if (decoder < 0) return;
    const { model } = paces.ratesOf(engine, models[engine]!);
    const { promptTokens } = this.#calls.stageOf(stage);
    const sendUs = kvTransferUs(fleet.engines[engine]!.host, model.kvBytesPerToken, promptTokens);
    const waitUs = Math.max(0, prefills.nicFreeUs[engine]! - atUs);
    this.#calls.decodeUs[stage] = waitUs + sendUs + decodes.besideUs(stage, decoder);
  }
}
