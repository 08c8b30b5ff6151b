/**
 * What engines that only decode do by themselves while a plan is laid out: who has arrived joins as places and KV memory allow, iterations
 * go on until somebody is done or can join, and whoever came last gives way when memory is full. All that decodes goes on step by step
 * together, so that an engine counts its iterations, and a call knows at which of them it ends.
 */

import type { Batched } from "../../batched/batchings.ts";
import type { Paces } from "../../batched/paces.ts";
import type { Scene } from "../../scene.ts";
import type { Begun } from "./begun.ts";
import type { Calls, Serving } from "./calls.ts";

export class Decodes {
  /** By engine: arrived and waiting; in the batch, in the order in which they joined; and what the iterations under way end. */
  readonly queues: readonly number[][];
  readonly groups: readonly number[][];
  readonly nextUs: Float64Array;
  /** By engine, KV memory that was set aside when those in the batch joined. */
  readonly joined: Float64Array;
  /** By call, when it joined. */
  readonly joinsUs: Float64Array;
  /** Who was done when iterations ended, or at once. */
  readonly ended: number[] = [];

  readonly #scene: Scene;
  readonly #calls: Calls;
  readonly #begun: Begun;
  readonly #batchings: readonly Batched[];
  readonly #models: Int32Array;
  readonly #paces: Paces;
  /** By engine: iterations so far, of the segment under way, and at which of all the next call is done. */
  readonly #counter: Float64Array;
  readonly #steps: Float64Array;
  readonly #startUs: Float64Array;
  readonly #nextEnd: Float64Array;
  /** By engine: sequences and their context; of those that grow, and of those that have not begun to. */
  readonly #sequences: Float64Array;
  readonly #context: Float64Array;
  readonly #growing: Float64Array;
  readonly #fresh: Float64Array;
  /** By engine, KV memory that nobody else may have. */
  readonly #kept: Float64Array;
  /** By call: at which iteration it joined and at which it is done. */
  readonly #joinedAt: Float64Array;
  readonly #endsAt: Float64Array;

  constructor(scene: Scene, calls: Calls, begun: Begun, { batchings, models }: Serving, paces: Paces) {
    const engines = scene.fleet.engines.length;
    this.#scene = scene;
    this.#calls = calls;
    this.#begun = begun;
    this.#batchings = batchings;
    this.#models = models;
    this.#paces = paces;
    this.queues = Array.from({ length: engines }, () => []);
    this.groups = Array.from({ length: engines }, () => []);
    this.nextUs = new Float64Array(engines);
    this.joined = new Float64Array(engines);
    this.joinsUs = new Float64Array(calls.count);
    this.#counter = new Float64Array(engines);
    this.#steps = new Float64Array(engines);
    this.#startUs = new Float64Array(engines);
    this.#nextEnd = new Float64Array(engines);
    this.#sequences = new Float64Array(engines);
    this.#context = new Float64Array(engines);
    this.#growing = new Float64Array(engines);
    this.#fresh = new Float64Array(engines);
    this.#kept = new Float64Array(engines);
    this.#joinedAt = new Float64Array(calls.count);
    this.#endsAt = new Float64Array(calls.count);
  }

  /** Back to what is true now. */
  reset(): void {
    this.nextUs.fill(Infinity);
    this.joinsUs.fill(Infinity);
    for (const each of [this.joined, this.#counter, this.#steps, this.#sequences]) each.fill(0);
    for (const each of [this.#context, this.#growing, this.#fresh, this.#kept]) each.fill(0);
    this.#nextEnd.fill(Infinity);
    for (const queue of this.queues) queue.length = 0;
    for (const group of this.groups) group.length = 0;
    for (const [index, { standing, engine, prefillAt, joinTokens }] of this.#begun.shares.entries()) {
      const call = this.#calls.stages + index;
      if (standing.kind === "waits" && prefillAt < 0) this.queues[engine]!.push(call);
      if (standing.kind !== "decodes") continue;
      this.#add(call, engine, joinTokens, standing.left);
      if (standing.done > 0) this.#growBy(call, engine, standing.done);
    }
  }

  /** It has written so many tokens in each of its sequences since it joined. */
  #growBy(call: number, engine: number, done: number): void {
    const { sequences, waves } = this.#calls.shapeOf(call, engine);
    this.#joinedAt[call]! -= done;
    this.#context[engine]! += done * sequences;
    if (waves > 1) return;
    this.#fresh[engine]! -= sequences;
    this.#kept[engine]! += (done - 1) * sequences;
  }

  #add(call: number, engine: number, joinTokens: number, left: number): void {
    const { sequences, contextTokens, waves } = this.#calls.shapeOf(call, engine);
    const at = this.#counter[engine]!;
    this.#calls.joinTokens[call] = joinTokens;
    this.groups[engine]!.push(call);
    this.joined[engine]! += joinTokens;
    this.#kept[engine]! += joinTokens;
    this.#sequences[engine]! += sequences;
    this.#context[engine]! += sequences * (contextTokens + this.#calls.written[call]!);
    if (waves === 1) {
      this.#growing[engine]! += sequences;
      this.#fresh[engine]! += sequences;
    }
    this.#joinedAt[call] = at;
    this.#endsAt[call] = at + left;
    if (at + left < this.#nextEnd[engine]!) this.#nextEnd[engine] = at + left;
  }

  /** Takes its numbers out again; the groups close up elsewhere. */
  #drop(call: number, engine: number): void {
    const { sequences, contextTokens, waves } = this.#calls.shapeOf(call, engine);
    const done = this.#counter[engine]! - this.#joinedAt[call]!;
    this.joined[engine]! -= this.#calls.joinTokens[call]!;
    this.#sequences[engine]! -= sequences;
    this.#context[engine]! -= sequences * (contextTokens + this.#calls.written[call]! + done);
    this.#kept[engine]! -= this.#calls.joinTokens[call]! + (waves === 1 && done > 0 ? (done - 1) * sequences : 0);
    if (waves > 1) return;
    this.#growing[engine]! -= sequences;
    if (done === 0) this.#fresh[engine]! -= sequences;
  }

  /** Takes in who can join, and goes on; who is done at once stands in `ended`. */
  serve(engine: number, atUs: number): void {
    this.ended.length = 0;
    const queue = this.queues[engine]!;
    if (this.nextUs[engine]! < Infinity) {
      if (queue.length > 0 && this.#steps[engine]! > 1 && this.#pick(engine, atUs) >= 0) this.#cut(engine, atUs);
      return;
    }
    while (queue.length > 0) {
      const at = this.#pick(engine, atUs);
      if (at < 0) break;
      const call = queue[at]!;
      queue.splice(at, 1);
      const { decodeSteps } = this.#calls.shapeOf(call, engine);
      this.joinsUs[call] = atUs;
      const left = decodeSteps - this.#calls.written[call]!;
      if (left <= 0) this.ended.push(call);
      else this.#add(call, engine, this.#calls.asksTokens(call, engine), left);
    }
    this.#start(engine, atUs);
  }

  #pick(engine: number, atUs: number): number {
    if (this.groups[engine]!.length === 0)
      return this.#calls.pick(this.queues[engine]!, engine, atUs, Infinity, Infinity);
    const free = this.#capacity(engine) - this.#kept[engine]!;
    const places = this.#batchings[engine]!.maxSequences - this.#sequences[engine]!;
    return this.#calls.pick(this.queues[engine]!, engine, atUs, free, places);
  }

  #capacity(engine: number): number {
    const { fleet } = this.#scene;
    return fleet.kvTokens[engine * fleet.models + this.#models[engine]!]!;
  }

  #start(engine: number, atUs: number): void {
    const groups = this.groups[engine]!;
    for (;;) {
      if (groups.length === 0) return;
      let steps = Math.min(this.#nextEnd[engine]! - this.#counter[engine]!, this.#roomToGrow(engine));
      // The first always gets on, whatever is believed of how far it has come.
      if (groups.length === 1) steps = Math.max(1, steps);
      if (steps >= 1) {
        this.#steps[engine] = steps;
        this.#startUs[engine] = atUs;
        this.nextUs[engine] = atUs + this.#lastUs(engine, steps);
        return;
      }
      this.#preempt(engine, groups.pop()!);
    }
  }

  /** Iterations until KV memory is full: who has just joined has room for the first of them. */
  #roomToGrow(engine: number): number {
    const growing = this.#growing[engine]!;
    if (growing === 0) return Infinity;
    return Math.floor((this.#capacity(engine) - this.#kept[engine]! + this.#fresh[engine]!) / growing);
  }

  /** It goes on later from what it has written. */
  #preempt(engine: number, call: number): void {
    this.#drop(call, engine);
    this.#calls.written[call] =
      this.#calls.shapeOf(call, engine).decodeSteps - (this.#endsAt[call]! - this.#counter[engine]!);
    this.queues[engine]!.push(call);
    if (this.#endsAt[call] === this.#nextEnd[engine]) this.#findNextEnd(engine);
  }

  #findNextEnd(engine: number): void {
    let next = Infinity;
    for (const call of this.groups[engine]!) if (this.#endsAt[call]! < next) next = this.#endsAt[call]!;
    this.#nextEnd[engine] = next;
  }

  #lastUs(engine: number, steps: number): number {
    const model = this.#models[engine]!;
    return this.#paces.decodeUs(engine, model, this.#sequences[engine]!, this.#context[engine]!, steps);
  }

  /** Somebody can join: the iteration under way is the last one. */
  #cut(engine: number, atUs: number): void {
    let least = 1;
    let most = this.#steps[engine]!;
    while (least < most) {
      const middle = (least + most) >> 1;
      if (this.#startUs[engine]! + this.#lastUs(engine, middle) >= atUs) most = middle;
      else least = middle + 1;
    }
    this.#steps[engine] = least;
    this.nextUs[engine] = this.#startUs[engine]! + this.#lastUs(engine, least);
  }

  /** Ends the iterations under way; who is done stands in `ended`. */
  end(engine: number): void {
    const steps = this.#steps[engine]!;
    this.ended.length = 0;
    this.nextUs[engine] = Infinity;
    this.#counter[engine]! += steps;
    this.#context[engine]! += steps * this.#sequences[engine]!;
    this.#kept[engine]! += steps * this.#growing[engine]! - this.#fresh[engine]!;
    this.#fresh[engine] = 0;
    if (this.#nextEnd[engine]! > this.#counter[engine]!) return;
    const groups = this.groups[engine]!;
    let kept = 0;
    let next = Infinity;
    for (const call of groups) {
      const endsAt = this.#endsAt[call]!;
      if (endsAt <= this.#counter[engine]!) {
        this.ended.push(call);
        this.#drop(call, engine);
        continue;
      }
      if (endsAt < next) next = endsAt;
      groups[kept++] = call;
    }
    groups.length = kept;
    this.#nextEnd[engine] = next;
  }

  /** How long it would take beside those in the batch now, as a placement reckons. */
  besideUs(call: number, engine: number): number {
    const { sequences, contextTokens, decodeSteps } = this.#calls.shapeOf(call, engine);
    const beside = Math.min(this.#batchings[engine]!.maxSequences - 1, this.groups[engine]!.length);
    const context = sequences * contextTokens + this.joined[engine]!;
    return this.#paces.decodeUs(engine, this.#models[engine]!, sequences + beside, context, decodeSteps);
  }
}
