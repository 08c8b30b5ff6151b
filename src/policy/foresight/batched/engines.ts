/**
 * What batched engines do by themselves while a plan is laid out: they take in whom they have been given, in that order, as far as there is
 * room; load the model of the next one when the batch has drained; and keep prefixes cached.
 */

import { Caches } from "../caches.ts";
import { Residency, resident } from "../residency.ts";
import type { Scene } from "../scene.ts";
import { Transfers } from "../transfers.ts";
import { batchingsOf } from "./batchings.ts";
import type { Begun } from "./begun.ts";
import { Members, none } from "./members.ts";
import { Paces } from "./paces.ts";
import { Segments } from "./segments.ts";
import { Shares } from "./shares.ts";

export class BatchedEngines {
  readonly members: Members;
  readonly shares: Shares;
  readonly paces: Paces;
  readonly segments: Segments;
  readonly transfers: Transfers;
  readonly residency: Residency;
  readonly caches: Caches;
  /** By engine: given to it and not in the batch yet; when the load under way ends, 0 if none is; and what it begins to load now, or -1. */
  readonly queues: readonly number[][];
  readonly loadEndUs: Float64Array;
  readonly loadsNow: Int32Array;
  /** By stage, when it joins its batch. */
  readonly beginsUs: Float64Array;

  readonly #scene: Scene;
  readonly #begun: Begun;
  /** By stage, its place in the plan's order. */
  readonly #position: Int32Array;
  /** By stage, how many links of its prompt were cached when it was begun. */
  readonly #level: Int32Array;
  /** By engine and model, the last position of a stage that has used it. */
  readonly #lastUses: Int32Array;

  constructor(scene: Scene, begun: Begun, position: Int32Array) {
    const { fleet, stages, engines } = scene;
    const count = fleet.engines.length;
    const batchings = batchingsOf(fleet);
    const most = Math.max(0, ...fleet.engines.map(({ engine }) => engine.batching.maxSequences));
    this.#scene = scene;
    this.#begun = begun;
    this.#position = position;
    this.members = new Members(scene, begun);
    this.shares = new Shares(fleet, batchings, 1 + Math.min(most, stages.length) + begun.shares.length);
    this.paces = new Paces(fleet, batchings, engines.slowFactor);
    this.segments = new Segments(this.shares, this.paces, batchings);
    this.transfers = new Transfers(scene);
    this.residency = new Residency(scene);
    this.caches = new Caches(scene);
    this.queues = Array.from({ length: count }, () => []);
    this.loadEndUs = new Float64Array(count);
    this.loadsNow = new Int32Array(count);
    this.beginsUs = new Float64Array(stages.length);
    this.#level = new Int32Array(stages.length);
    this.#lastUses = new Int32Array(count * fleet.models);
  }

  /** Back to what is true now. */
  reset(order: Int32Array, told: Int32Array, unbegunUs: number): void {
    const { fleet, engines, stages } = this.#scene;
    this.transfers.reset();
    this.caches.reset();
    this.residency.reset(order, told);
    this.shares.reset();
    this.segments.reset();
    this.beginsUs.fill(unbegunUs);
    this.loadsNow.fill(none);
    this.#lastUses.fill(none);
    for (let engine = 0; engine < fleet.engines.length; engine++) {
      this.queues[engine]!.length = 0;
      const loadEndUs = engines.loadEndUs[engine]!;
      this.loadEndUs[engine] = loadEndUs;
      if (loadEndUs > 0) this.segments.nextUs[engine] = loadEndUs;
    }
    for (const [index, { engine, model, shape, left }] of this.#begun.shares.entries()) {
      if (left === undefined) this.queues[engine]!.push(stages.length + index);
      else this.shares.goOn(engine, model, stages.length + index, shape, left);
    }
  }

  leaveCached(number: number, engine: number): void {
    const model = this.#scene.modelOf[number];
    if (model === undefined) return;
    this.caches.leave(number, engine, model, this.#level[number]!, this.#roomTokens(engine, model));
  }

  #roomTokens(engine: number, model: number): number {
    const own = this.#scene.fleet.engines[engine]!.engine.prefixTokens ?? Infinity;
    return Math.min(own, this.shares.capacity(engine, model) - this.shares.joinTokens[engine]!);
  }

  /** Beside the batch and what waits to join it. The first one always gets in. */
  hasRoom(engine: number, model: number, stage: number): boolean {
    const queue = this.queues[engine]!;
    const isFirst = this.shares.count[engine] === 0 && queue.length === 0;
    const others = this.#scene.fleet.besideOf[engine]!;
    if (isFirst && others.length === 0) return true;
    let tokens = 0;
    let sequences = 0;
    for (const number of queue) {
      const shape = this.members.shapeOf(number, engine);
      tokens += shape.fullTokens;
      sequences += shape.sequences;
    }
    for (const other of others)
      for (const number of this.queues[other]!) sequences += this.members.shapeOf(number, other).sequences;
    const shape = this.members.shapeOf(stage, engine);
    if (!isFirst) return this.shares.fits(engine, model, shape, tokens, sequences);
    return (
      (sequences === 0 && this.shares.isEmpty(engine)) || this.shares.hasPlaces(engine, sequences + shape.sequences)
    );
  }

  load(engine: number, model: number, position: number, atUs: number): void {
    const loadUs = this.#use(engine, model, position);
    if (loadUs === resident) return;
    this.caches.forget(engine, model);
    this.loadEndUs[engine] = atUs + loadUs;
    this.segments.nextUs[engine] = atUs + loadUs;
    if (atUs === this.#scene.nowUs) this.loadsNow[engine] = model;
  }

  /** Stages of a run may pass each other: the model is due again after the last of those that have used it. */
  #use(engine: number, model: number, position: number): number {
    const cell = engine * this.#scene.fleet.models + model;
    const last = Math.max(this.#lastUses[cell]!, position);
    this.#lastUses[cell] = last;
    return this.residency.use(engine, model, last, 0);
  }

  /** As the engine does by itself. */
  serve(engine: number, atUs: number): void {
    const queue = this.queues[engine]!;
    const shares = this.shares;
    if (this.segments.isBusy(engine)) {
      if (queue.length > 0 && this.#mayJoin(engine, queue[0]!)) this.segments.cut(engine, atUs);
      return;
    }
    while (queue.length > 0) {
      const number = queue[0]!;
      if (!this.#mayJoin(engine, number)) break;
      const model = this.members.modelOf(number);
      if (!this.residency.has(engine, model)) {
        if (shares.count[engine] === 0) this.load(engine, model, this.#position[number] ?? none, atUs);
        break;
      }
      queue.shift();
      this.#join(engine, model, number, atUs);
    }
    if (this.loadEndUs[engine] === 0 && shares.count[engine]! > 0) this.segments.start(engine, atUs, this.#lookUp);
  }

  #mayJoin(engine: number, number: number): boolean {
    const { shares } = this;
    const shape = this.members.shapeOf(number, engine);
    if (shares.count[engine]! > 0) return shares.fits(engine, this.members.modelOf(number), shape, 0, 0);
    return shares.isEmpty(engine) || shares.hasPlaces(engine, shape.sequences);
  }

  #join(engine: number, model: number, number: number, atUs: number): void {
    const { fleet, stages } = this.#scene;
    let inputsUs = atUs;
    if (number < stages.length) {
      this.beginsUs[number] = atUs;
      this.#use(engine, model, this.#position[number]!);
      inputsUs = this.transfers.fetch(number, fleet.hostOf[engine]!, atUs);
    }
    this.shares.join(engine, model, number, this.members.shapeOf(number, engine), inputsUs);
    this.caches.squeeze(engine, model, this.#roomTokens(engine, model));
  }

  readonly #lookUp = (number: number, engine: number): number => {
    const times = this.#scene.times[number];
    if (times === undefined) return 0;
    const level = this.caches.levelOf(number, engine, this.#scene.modelOf[number]!);
    this.#level[number] = level;
    return times.linkTokens[level]!;
  };
}
