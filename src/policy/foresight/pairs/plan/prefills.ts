/**
 * What engines that only prefill do by themselves while a plan is laid out: they take prompts from their queues as KV memory and the next
 * iteration have room for them, run iterations, and send KV one prompt after another. A prompt holds its memory until its KV has arrived.
 */

import { kvTransferUs } from "../../../../cost/transfer.ts";
import type { Caches } from "../../caches.ts";
import type { Batched } from "../../batched/batchings.ts";
import type { Paces } from "../../batched/paces.ts";
import type { Shape } from "../../batched/shapes.ts";
import type { Scene } from "../../scene.ts";
import type { Transfers } from "../../transfers.ts";
import type { Begun } from "./begun.ts";
import { none, type Calls, type Serving } from "./calls.ts";
import { Prompts } from "./prompts.ts";

/** What happens to calls away from iterations: their inputs are there, their KV has arrived. */
export type Later = (us: number, call: number) => void;

export class Prefills {
  /** By engine: given to it and not taken in; in the batch; and what its iteration under way ends, Infinity if there is none. */
  readonly queues: readonly number[][];
  readonly groups: readonly number[][];
  readonly nextUs: Float64Array;
  readonly nicFreeUs: Float64Array;
  /** By call, when its prompt was begun and when it had been taken in. */
  readonly beginsUs: Float64Array;
  readonly prefilledUs: Float64Array;
  /** Whose prompts the iteration that ended last has taken in. */
  readonly ended: number[] = [];

  readonly #scene: Scene;
  readonly #calls: Calls;
  readonly #begun: Begun;
  readonly #batchings: readonly Batched[];
  readonly #models: Int32Array;
  readonly #paces: Paces;
  readonly #caches: Caches;
  readonly #transfers: Transfers;
  readonly #prompts = new Prompts();
  /** By engine: KV memory and places that are taken, KV on its way included, and how many hold some. */
  readonly #tokens: Float64Array;
  readonly #sequences: Float64Array;
  readonly #holding: Int32Array;
  /** By call: when its inputs are there, and of its prompt what is cached or taken in, what is left, and what is being taken in. */
  readonly #readyUs: Float64Array;
  readonly #opened: Uint8Array;
  readonly #done: Float64Array;
  readonly #left: Float64Array;
  readonly #taken: Float64Array;
  readonly #level: Int32Array;

  constructor(
    scene: Scene,
    calls: Calls,
    begun: Begun,
    { batchings, models }: Serving,
    { paces, caches, transfers }: { readonly paces: Paces; readonly caches: Caches; readonly transfers: Transfers },
  ) {
    const engines = scene.fleet.engines.length;
    this.#scene = scene;
    this.#calls = calls;
    this.#begun = begun;
    this.#batchings = batchings;
    this.#models = models;
    this.#paces = paces;
    this.#caches = caches;
    this.#transfers = transfers;
    this.queues = Array.from({ length: engines }, () => []);
    this.groups = Array.from({ length: engines }, () => []);
    this.nextUs = new Float64Array(engines);
    this.nicFreeUs = new Float64Array(engines);
    this.#tokens = new Float64Array(engines);
    this.#sequences = new Float64Array(engines);
    this.#holding = new Int32Array(engines);
    this.beginsUs = new Float64Array(calls.count);
    this.prefilledUs = new Float64Array(calls.count);
    this.#readyUs = new Float64Array(calls.count);
    this.#opened = new Uint8Array(calls.count);
    this.#done = new Float64Array(calls.count);
    this.#left = new Float64Array(calls.count);
    this.#taken = new Float64Array(calls.count);
    this.#level = new Int32Array(calls.count);
  }

  /** Back to what is true now; `later` is told what is on its way. */
  reset(nicFreeUs: Float64Array, later: Later): void {
    const { nowUs } = this.#scene;
    this.nextUs.fill(Infinity);
    this.nicFreeUs.set(nicFreeUs);
    this.#tokens.fill(0);
    this.#sequences.fill(0);
    this.#holding.fill(0);
    this.beginsUs.fill(Infinity);
    this.prefilledUs.fill(Infinity);
    for (const queue of this.queues) queue.length = 0;
    for (const group of this.groups) group.length = 0;
    for (const [index, { prefillAt: engine, standing, joinTokens }] of this.#begun.shares.entries()) {
      if (engine < 0) continue;
      const call = this.#calls.stages + index;
      if (standing.kind === "waits") {
        this.queues[engine]!.push(call);
        continue;
      }
      this.#hold(engine, call, joinTokens);
      if (standing.kind === "sent") later(standing.arriveUs, call);
      if (standing.kind !== "prefills") continue;
      this.groups[engine]!.push(call);
      const shape = this.#calls.shapeOf(call, engine);
      this.#sequences[engine]! += shape.sequences;
      this.#readyUs[call] = standing.readyUs;
      this.#opened[call] = 0;
      if (standing.readyUs > nowUs) later(standing.readyUs, call);
      else this.#open(call, shape, this.#calls.cachedNow(call));
    }
    for (let engine = 0; engine < this.nextUs.length; engine++) {
      const startUs = this.#begun.batchStartUs[engine]!;
      if (startUs === 0) continue;
      this.#start(engine, startUs);
      // More than one iteration for what has been going on for long: how far it is nobody says.
      if (this.nextUs[engine]! <= nowUs) this.#start(engine, nowUs);
    }
  }

  #hold(engine: number, call: number, tokens: number): void {
    this.#calls.joinTokens[call] = tokens;
    this.#tokens[engine]! += tokens;
    this.#holding[engine]! += 1;
  }

  /** Whether prompts are being taken in, or wait for their inputs. */
  isTaking(engine: number): boolean {
    return this.groups[engine]!.length > 0;
  }

  /** Whether its prompt is to be taken in, or is being so. */
  isInBatch(call: number): boolean {
    return this.groups[this.#calls.prefillAt[call]!]!.includes(call);
  }

  /** Takes in what can be taken in, and starts an iteration. */
  serve(engine: number, atUs: number, later: Later): void {
    if (this.nextUs[engine]! < Infinity) return;
    const queue = this.queues[engine]!;
    const byStep = this.#batchings[engine]!.admission === "by-step";
    if (queue.length > 0 && byStep) this.#expect(engine);
    while (queue.length > 0) {
      const at = this.#pick(engine, atUs, byStep);
      if (at < 0) break;
      const call = queue[at]!;
      queue.splice(at, 1);
      this.#join(engine, call, atUs, later);
      if (byStep) this.#promise(call, engine);
    }
    this.#start(engine, atUs);
  }

  /** Who joins next. By step, a prompt must have room in the next iteration too, and nothing goes past one that has not. */
  #pick(engine: number, atUs: number, byStep: boolean): number {
    const queue = this.queues[engine]!;
    const alone = this.#holding[engine] === 0;
    const free = alone ? Infinity : this.#capacity(engine) - this.#tokens[engine]!;
    const places = alone ? Infinity : this.#batchings[engine]!.maxSequences - this.#sequences[engine]!;
    const at = this.#calls.pick(queue, engine, atUs, free, places);
    if (at < 0 || !byStep) return at;
    const call = queue[at]!;
    const shape = this.#calls.shapeOf(call, engine);
    const done = usable(shape, this.#cachedTokens(call, engine));
    const left = shape.promptTokens - done;
    return left === 0 || this.#prompts.roomFor(shape, left, done) > 0 ? at : none;
  }

  #capacity(engine: number): number {
    const { fleet } = this.#scene;
    return fleet.kvTokens[engine * fleet.models + this.#models[engine]!]!;
  }

  /** By step: what the next iteration takes in of what has joined, inputs that are on the way included. */
  #expect(engine: number): void {
    this.#beginPrompts(engine);
    for (const call of this.groups[engine]!) this.#promise(call, engine);
  }

  #promise(call: number, engine: number): void {
    const shape = this.#calls.shapeOf(call, engine);
    const done = this.#opened[call] === 1 ? this.#done[call]! : usable(shape, this.#cachedTokens(call, engine));
    const left = this.#opened[call] === 1 ? this.#left[call]! : shape.promptTokens - done;
    if (left > 0) this.#prompts.take(shape, this.#prompts.roomFor(shape, left, done) || left, done);
  }

  #beginPrompts(engine: number): void {
    const rates = this.#paces.ratesOf(engine, this.#models[engine]!);
    this.#prompts.begin(this.#batchings[engine]!, rates, this.#paces.slowOf(engine));
  }

  #join(engine: number, call: number, atUs: number, later: Later): void {
    const { fleet } = this.#scene;
    const shape = this.#calls.shapeOf(call, engine);
    this.#hold(engine, call, shape.joinTokens);
    this.groups[engine]!.push(call);
    this.#sequences[engine]! += shape.sequences;
    this.#caches.squeeze(engine, this.#models[engine]!, this.#roomTokens(engine));
    this.#opened[call] = 0;
    this.beginsUs[call] = atUs;
    const isStage = call < this.#calls.stages;
    const readyUs = isStage ? this.#transfers.fetch(call, fleet.hostOf[engine]!, atUs) : atUs;
    this.#readyUs[call] = readyUs;
    if (readyUs > atUs) later(readyUs, call);
    else if (this.#batchings[engine]!.admission === "by-step") this.#look(call, engine);
  }

  #look(call: number, engine: number): void {
    this.#open(call, this.#calls.shapeOf(call, engine), this.#cachedTokens(call, engine));
  }

  #open(call: number, shape: Shape, cachedTokens: number): void {
    this.#opened[call] = 1;
    this.#done[call] = usable(shape, cachedTokens);
    this.#left[call] = shape.promptTokens - this.#done[call];
  }

  /** Also notes how many links that are. */
  #cachedTokens(call: number, engine: number): number {
    const times = this.#scene.times[call];
    if (times === undefined) return this.#calls.cachedNow(call);
    const level = this.#caches.levelOf(call, engine, this.#models[engine]!);
    this.#level[call] = level;
    return times.linkTokens[level]!;
  }

  /** The next iteration, with as many of the prompts that are there as it takes. */
  #start(engine: number, atUs: number): void {
    const groups = this.groups[engine]!;
    for (const call of groups) {
      this.#taken[call] = 0;
      if (this.#opened[call] === 0 && this.#readyUs[call]! <= atUs) this.#look(call, engine);
    }
    this.#beginPrompts(engine);
    for (const call of groups) {
      if (this.#opened[call] === 0 || this.#readyUs[call]! > atUs) continue;
      const shape = this.#calls.shapeOf(call, engine);
      const tokens = this.#prompts.roomFor(shape, this.#left[call]!, this.#done[call]!);
      if (tokens === 0) break;
      this.#prompts.take(shape, tokens, this.#done[call]!);
      this.#taken[call] = tokens;
    }
    this.nextUs[engine] = this.#prompts.isEmpty ? Infinity : atUs + this.#prompts.durationUs();
  }

  /** Ends the iteration under way; whose prompts it has taken in stand in `ended`. */
  end(engine: number, atUs: number): void {
    this.nextUs[engine] = Infinity;
    this.ended.length = 0;
    const groups = this.groups[engine]!;
    let kept = 0;
    for (const call of groups) {
      this.#left[call]! -= this.#taken[call]!;
      this.#done[call]! += this.#taken[call]!;
      if (this.#taken[call]! > 0 && this.#left[call] === 0) {
        this.ended.push(call);
        this.prefilledUs[call] = atUs;
        this.#sequences[engine]! -= this.#calls.shapeOf(call, engine).sequences;
        if (call < this.#calls.stages)
          this.#caches.leave(call, engine, this.#models[engine]!, this.#level[call]!, this.#roomTokens(engine));
        continue;
      }
      groups[kept++] = call;
    }
    groups.length = kept;
  }

  /** What is held there leaves so much for what is cached. */
  #roomTokens(engine: number): number {
    const own = this.#scene.fleet.engines[engine]!.engine.prefixTokens ?? Infinity;
    return Math.min(own, this.#capacity(engine) - this.#tokens[engine]!);
  }

  /** Behind what its engine still has to send; returns when it is there. */
  send(call: number, atUs: number): number {
    const engine = this.#calls.prefillAt[call]!;
    const { fleet } = this.#scene;
    const { model } = this.#paces.ratesOf(engine, this.#models[engine]!);
    const { promptTokens } = this.#calls.shapeOf(call, engine);
    const sendUs = kvTransferUs(fleet.engines[engine]!.host, model.kvBytesPerToken, promptTokens);
    return (this.nicFreeUs[engine] = Math.max(atUs, this.nicFreeUs[engine]!) + sendUs);
  }

  /** It has ended there. */
  release(call: number): void {
    const engine = this.#calls.prefillAt[call]!;
    this.#tokens[engine]! -= this.#calls.joinTokens[call]!;
    this.#holding[engine]! -= 1;
  }
}

/** At least one token of a prompt is always computed. */
function usable({ sharedTokens, ownTokens }: Shape, cachedTokens: number): number {
  return Math.max(0, Math.min(cachedTokens, sharedTokens - (ownTokens === 0 ? 1 : 0)));
}
