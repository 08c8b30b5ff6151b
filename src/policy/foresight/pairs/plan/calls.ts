/**
 * Calls that are laid out in time, by number: stages of the scene, and behind them what has begun on engines. What a call asks of the
 * engines that may take it, and what engines' queues go by.
 */

import type { VisibleModelStage } from "../../../../model/visible.ts";
import type { Batched } from "../../batched/batchings.ts";
import { isAged } from "../../../../state/queue.ts";
import { wholeShape, type Shape } from "../../batched/shapes.ts";
import type { Scene } from "../../scene.ts";
import type { Begun } from "./begun.ts";

/** No stage, no engine. */
export const none = -1;

/** By engine: how it batches, and the one model that it serves, or -1. */
export type Serving = { readonly batchings: readonly Batched[]; readonly models: Int32Array };

/** As in a `Place`, by stage: smaller rank first, falling by `climb` with every second. */
export type Ranks = {
  readonly rank: ArrayLike<number>;
  readonly climb: ArrayLike<number>;
  readonly overtakes: boolean;
};

/** Behind all that was put into queues before. */
const behindAll = 1e15;

export class Calls {
  readonly stages: number;
  readonly count: number;
  /** By call: rank in queues, how much it falls in a second, and what decides among equals. */
  readonly rank: Float64Array;
  readonly climb: Float64Array;
  readonly turn: Float64Array;
  readonly overtakes: Uint8Array;
  /** By call: where its prompt is taken in and where it is decoded, -1 if nowhere. */
  readonly prefillAt: Int32Array;
  readonly decodeAt: Int32Array;
  /** By call: since when it is in the queue that it is in, what it is expected to take there, and on the decode engine. */
  readonly sinceUs: Float64Array;
  readonly expectedUs: Float64Array;
  readonly decodeUs: Float64Array;
  /** By call: KV memory that it held when it joined, and tokens of each sequence written before it was preempted. */
  readonly joinTokens: Float64Array;
  readonly written: Float64Array;
  readonly embeds: Uint8Array;

  readonly #scene: Scene;
  readonly #begun: Begun;
  readonly #engines: number;
  /** By call and sort of engine, as asked for. */
  readonly #shapes: (Shape | undefined)[];

  constructor(scene: Scene, begun: Begun, { rank, climb, overtakes }: Ranks) {
    const { stages, fleet } = scene;
    const count = stages.length + begun.shares.length;
    this.#scene = scene;
    this.#begun = begun;
    this.#engines = fleet.engines.length;
    this.stages = stages.length;
    this.count = count;
    this.rank = new Float64Array(count);
    this.climb = new Float64Array(count);
    this.turn = new Float64Array(count);
    this.overtakes = new Uint8Array(count);
    this.prefillAt = new Int32Array(count).fill(none);
    this.decodeAt = new Int32Array(count).fill(none);
    this.sinceUs = new Float64Array(count);
    this.expectedUs = new Float64Array(count);
    this.decodeUs = new Float64Array(count);
    this.joinTokens = new Float64Array(count);
    this.written = new Float64Array(count);
    this.embeds = new Uint8Array(count);
    this.#shapes = Array.from({ length: count * fleet.sorts.length });
    for (let stage = 0; stage < stages.length; stage++) {
      this.rank[stage] = rank[stage]!;
      this.climb[stage] = climb[stage]!;
      this.overtakes[stage] = overtakes ? 1 : 0;
      this.embeds[stage] = stages[stage]!.kind === "embed" ? 1 : 0;
    }
    for (const [index, { share }] of begun.shares.entries()) {
      const call = stages.length + index;
      this.rank[call] = share.rank;
      this.climb[call] = share.climb ?? 0;
      this.overtakes[call] = share.overtakes === "if-it-fits" ? 1 : 0;
      this.embeds[call] = share.stage.kind === "embed" ? 1 : 0;
    }
  }

  /** What has begun is as it is now; where stages go, the plan says: by stage, prefill engine times engines plus decode engine. */
  reset(order: Int32Array, told: Int32Array): void {
    this.written.fill(0);
    for (let at = 0; at < order.length; at++) {
      const stage = order[at]!;
      this.turn[stage] = behindAll + at;
      const pair = told[stage]!;
      this.prefillAt[stage] = pair < 0 ? none : Math.floor(pair / this.#engines);
      this.decodeAt[stage] = pair < 0 || this.embeds[stage] === 1 ? none : pair % this.#engines;
    }
    for (const [index, { share, prefillAt, decodeAt, expectedUs }] of this.#begun.shares.entries()) {
      const call = this.stages + index;
      this.turn[call] = share.sequence;
      this.prefillAt[call] = prefillAt;
      this.decodeAt[call] = decodeAt;
      this.sinceUs[call] = share.sinceUs;
      this.expectedUs[call] = expectedUs;
      this.decodeUs[call] = share.decodeUs ?? 0;
    }
  }

  stageOf(call: number): VisibleModelStage {
    if (call < this.stages) return this.#scene.stages[call] as VisibleModelStage;
    return this.#begun.shares[call - this.stages]!.share.stage;
  }

  shapeOf(call: number, engine: number): Shape {
    const { fleet } = this.#scene;
    const cell = fleet.sortOf[engine]! * this.count + call;
    return (this.#shapes[cell] ??= wholeShape(fleet, this.stageOf(call), engine));
  }

  /** Of the prompt of what has begun, as its engine has it now. */
  cachedNow(call: number): number {
    return this.#begun.shares[call - this.stages]!.cachedTokens;
  }

  /** KV memory that it must find free to join there. Waves follow each other in the same memory. */
  asksTokens(call: number, engine: number): number {
    const { joinTokens, sequences, waves } = this.shapeOf(call, engine);
    return waves > 1 ? joinTokens : joinTokens + sequences * this.written[call]!;
  }

  comesBefore(left: number, right: number, nowUs: number): boolean {
    const by = this.#keyAt(left, nowUs) - this.#keyAt(right, nowUs) || this.turn[left]! - this.turn[right]!;
    return by < 0;
  }

  #keyAt(call: number, nowUs: number): number {
    return this.rank[call]! - (this.climb[call]! * nowUs) / 1e6;
  }

  #isAged(call: number, nowUs: number): boolean {
    return isAged({ sinceUs: this.sinceUs[call]!, expectedUs: this.expectedUs[call]! }, nowUs);
  }

  /** At which place of the queue stands who may join now: the next in order, or who may overtake it where it lacks room. */
  pick(queue: readonly number[], engine: number, nowUs: number, freeTokens: number, freeSequences: number): number {
    let first = 0;
    for (let at = 1; at < queue.length; at++) if (this.comesBefore(queue[at]!, queue[first]!, nowUs)) first = at;
    if (this.#fits(queue[first]!, engine, freeTokens, freeSequences)) return first;
    if (this.#isAged(queue[first]!, nowUs)) return none;
    let picked = none;
    let barrier = none;
    for (let at = 0; at < queue.length; at++) {
      const call = queue[at]!;
      if (at === first) continue;
      if (this.overtakes[call] === 1 && this.#fits(call, engine, freeTokens, freeSequences)) {
        if (picked < 0 || this.comesBefore(call, queue[picked]!, nowUs)) picked = at;
      } else if (this.#isAged(call, nowUs) && (barrier < 0 || this.comesBefore(call, queue[barrier]!, nowUs)))
        barrier = at;
    }
    return picked >= 0 && barrier >= 0 && this.comesBefore(queue[barrier]!, queue[picked]!, nowUs) ? none : picked;
  }

  #fits(call: number, engine: number, freeTokens: number, freeSequences: number): boolean {
    return this.asksTokens(call, engine) <= freeTokens && this.shapeOf(call, engine).sequences <= freeSequences;
  }
}
