/**
 * What the plan gives to batched engines, and when: those of the run at the head of what it has for an engine join in the plan's order as
 * soon as they are ready and there is room; who is not ready yet is passed by, who does not fit keeps those behind it waiting.
 */

import { open } from "../plan.ts";
import type { Scene } from "../scene.ts";
import { pickEarliest } from "./earliest.ts";
import type { BatchedEngines } from "./engines.ts";
import { none } from "./members.ts";

export class Giving {
  /** By stage: which engine it goes to, when it is given to it, and what it waited for last. */
  readonly placements: Int32Array;
  readonly placedUs: Float64Array;
  readonly waitedFor: Int32Array;
  /** By engine, who ended there last; -1 if that is none of the plan's. */
  readonly lastEnded: Int32Array;

  readonly #scene: Scene;
  readonly #engines: BatchedEngines;
  readonly #loadsAhead: boolean;
  readonly #position: Int32Array;
  readonly #readyUs: Float64Array;
  readonly #isReady: Uint8Array;
  /** By engine: the first stage told to it that has not been given to it; by stage the next one. */
  readonly #head: Int32Array;
  readonly #next: Int32Array;
  /** By engine: ready ones among them; left open and found to end first there. */
  readonly #waiting: Int32Array;
  readonly #strays: readonly number[][];

  /** `position` is filled in by `reset`. */
  constructor(scene: Scene, engines: BatchedEngines, position: Int32Array, loadsAhead: boolean) {
    const stages = scene.stages.length;
    const count = scene.fleet.engines.length;
    this.#scene = scene;
    this.#engines = engines;
    this.#loadsAhead = loadsAhead;
    this.#position = position;
    this.placements = new Int32Array(stages);
    this.placedUs = new Float64Array(stages);
    this.waitedFor = new Int32Array(stages);
    this.lastEnded = new Int32Array(count);
    this.#readyUs = new Float64Array(stages);
    this.#isReady = new Uint8Array(stages);
    this.#head = new Int32Array(count);
    this.#next = new Int32Array(stages);
    this.#waiting = new Int32Array(count);
    this.#strays = Array.from({ length: count }, () => []);
  }

  /** Nothing has been given yet. */
  reset(order: Int32Array, told: Int32Array, unplacedUs: number): void {
    this.placements.set(told);
    this.placedUs.fill(unplacedUs);
    this.waitedFor.fill(none);
    this.lastEnded.fill(none);
    this.#isReady.fill(0);
    this.#waiting.fill(0);
    this.#head.fill(none);
    for (const strays of this.#strays) strays.length = 0;
    for (let at = order.length - 1; at >= 0; at--) {
      const stage = order[at]!;
      this.#position[stage] = at;
      const engine = told[stage]!;
      if (engine < 0) continue;
      this.#next[stage] = this.#head[engine]!;
      this.#head[engine] = stage;
    }
  }

  /** All that the stage waits for has ended, `cause` last. */
  noteReady(stage: number, atUs: number, cause: number): void {
    this.#readyUs[stage] = atUs;
    this.waitedFor[stage] = cause;
    this.#isReady[stage] = 1;
    const engine = this.placements[stage]!;
    if (engine >= 0) this.#waiting[engine]! += 1;
  }

  /** A stage that was left open goes where it ends first, as things stand now; returns where that is. */
  place(stage: number, atUs: number): number {
    const engine = pickEarliest(this.#scene, this.#engines, this.#strays, stage, atUs);
    this.placements[stage] = engine;
    if (engine === open) return engine;
    const strays = this.#strays[engine]!;
    let at = strays.length;
    while (at > 0 && this.#position[strays[at - 1]!]! > this.#position[stage]!) at -= 1;
    strays.splice(at, 0, stage);
    return engine;
  }

  /** What the plan has next there goes into the engine's queue, if the engine takes it from there at once, or loads for it. */
  give(engine: number, atUs: number): void {
    const strays = this.#strays[engine]!;
    const queue = this.#engines.queues[engine]!;
    let head = this.#head[engine]!;
    if (head === none && strays.length === 0) return;
    let current = this.#engines.shares.model[engine]!;
    if (current === none && queue.length > 0) current = this.#engines.members.modelOf(queue[0]!);
    if (current === none && strays.length > 0) {
      const [stray] = strays;
      const first = head === none || this.#position[stray!]! < this.#position[head]! || !this.#hasReady(engine, head);
      if (first) {
        this.#giveStrays(engine, this.#scene.modelOf[stray!]!, atUs);
        return;
      }
    }
    if (head !== none) {
      const model = this.#scene.modelOf[head]!;
      if (current === none && !this.#engines.residency.has(engine, model)) {
        this.#loadFor(engine, head, atUs);
        return;
      }
      if ((current === none || current === model) && this.#waiting[engine]! > 0) this.#giveRun(engine, model, atUs);
      head = this.#head[engine]!;
    }
    if (strays.length > 0 && current !== none) this.#giveStrays(engine, current, atUs);
  }

  #hasReady(engine: number, head: number): boolean {
    if (this.#waiting[engine] === 0) return false;
    const model = this.#scene.modelOf[head]!;
    for (let stage = head; stage !== none && this.#scene.modelOf[stage] === model; stage = this.#next[stage]!)
      if (this.#isReady[stage] === 1) return true;
    return false;
  }

  /** Of what is told to the engine, those of the run at its head. */
  #giveRun(engine: number, model: number, atUs: number): void {
    const { modelOf } = this.#scene;
    let before = none;
    for (let stage = this.#head[engine]!; stage !== none && modelOf[stage] === model; stage = this.#next[stage]!) {
      if (this.#isReady[stage] === 0) {
        before = stage;
        continue;
      }
      if (!this.#engines.hasRoom(engine, model, stage)) return;
      this.#unlink(engine, before, stage);
      this.#queue(engine, stage, atUs);
    }
  }

  #unlink(engine: number, before: number, stage: number): void {
    if (before === none) this.#head[engine] = this.#next[stage]!;
    else this.#next[before] = this.#next[stage]!;
    this.#waiting[engine]! -= 1;
  }

  /** Of those that were left open, in the plan's order, up to the first of another model. */
  #giveStrays(engine: number, model: number, atUs: number): void {
    const strays = this.#strays[engine]!;
    while (
      strays.length > 0 &&
      this.#scene.modelOf[strays[0]!] === model &&
      this.#engines.hasRoom(engine, model, strays[0]!)
    ) {
      this.#queue(engine, strays.shift()!, atUs);
      if (!this.#engines.residency.has(engine, model)) return;
    }
  }

  #queue(engine: number, stage: number, atUs: number): void {
    this.#engines.queues[engine]!.push(stage);
    this.placedUs[stage] = atUs;
    if (atUs > this.#readyUs[stage]!) this.waitedFor[stage] = this.lastEnded[engine]!;
  }

  /** For the run that begins with `head`: at once, or, if nothing is loaded ahead, when one of it is ready, which is queued then. */
  #loadFor(engine: number, head: number, atUs: number): void {
    const { modelOf } = this.#scene;
    const model = modelOf[head]!;
    let before = none;
    let stage = head;
    while (stage !== none && modelOf[stage] === model && this.#isReady[stage] === 0) {
      before = stage;
      stage = this.#next[stage]!;
    }
    if (stage !== none && modelOf[stage] === model) {
      this.#unlink(engine, before, stage);
      this.#queue(engine, stage, atUs);
    } else if (this.#loadsAhead) this.#engines.load(engine, model, this.#position[head]!, atUs);
  }
}
