/**
 * One pass through a plan for engines that prefill and decode apart, event by event: when each call is given to its prefill engine, when
 * its prompt has been taken in, when its KV has arrived, when it joins the batch that decodes it, and when it ends. Follows the simulator,
 * with predicted lengths.
 */

import type { StageKey } from "../../../../model/workflow.ts";
import { Caches } from "../../caches.ts";
import type { WholePlan } from "../../plan.ts";
import type { Scene } from "../../scene.ts";
import { neverUs, Transfers } from "../../transfers.ts";
import { batchingsOf } from "../../batched/batchings.ts";
import { Paces } from "../../batched/paces.ts";
import { Timers } from "../../batched/timers.ts";
import { countParents, listChildren, listTimed } from "../../batched/waits.ts";
import type { Begun } from "./begun.ts";
import { Calls, none, type Ranks } from "./calls.ts";
import { Decodes } from "./decodes.ts";
import { Giving } from "./giving.ts";
import { Prefills } from "./prefills.ts";

export type PairsState = {
  readonly begun: Begun;
  /** By engine: the one model that it serves, or -1; whether it only decodes; and when it has sent all KV that it was given. */
  readonly models: Int32Array;
  readonly decodes: Uint8Array;
  readonly nicFreeUs: Float64Array;
};

export class PairsDecoder {
  readonly scene: Scene;
  /** By stage and source, when it ends, as the last pass had it. */
  readonly endsUs: Float64Array;
  /** The same by call: by stage, and by share that has begun. */
  readonly callEndsUs: Float64Array;
  /** By stage, when it is given to its prefill engine. */
  readonly placedUs: Float64Array;
  /** By call: when its prompt is begun and has been taken in, when its KV is there, and when it joins those that decode. */
  readonly beginsUs: Float64Array;
  readonly prefilledUs: Float64Array;
  readonly arrivesUs: Float64Array;
  readonly joinsUs: Float64Array;

  readonly #state: PairsState;
  readonly #calls: Calls;
  readonly #prefills: Prefills;
  readonly #decodes: Decodes;
  readonly #giving: Giving;
  readonly #transfers: Transfers;
  readonly #caches: Caches;
  readonly #timers = new Timers();
  readonly #children: readonly (readonly number[])[];
  readonly #parentsOpen: Int32Array;
  readonly #parentsLeft: Int32Array;
  readonly #timed: readonly number[];
  /** Whose prompts have just been taken in, and whose KV is to be sent. */
  readonly #toSend: number[] = [];
  /** Engines that are to be looked after at this instant. */
  readonly #dirty: Uint8Array;
  readonly #roused: Int32Array;
  readonly #served: Int32Array;
  #rousedCount = 0;

  constructor(scene: Scene, state: PairsState, ranks: Ranks, mostBatchUs: number) {
    const { fleet, stages, engines } = scene;
    const { begun } = state;
    const batchings = batchingsOf(fleet);
    const paces = new Paces(fleet, batchings, engines.slowFactor);
    const calls = new Calls(scene, begun, ranks);
    const shared = { paces, caches: new Caches(scene), transfers: new Transfers(scene) };
    const sorts = { batchings, models: state.models };
    this.scene = scene;
    this.#state = state;
    this.#calls = calls;
    this.#caches = shared.caches;
    this.#transfers = shared.transfers;
    this.#prefills = new Prefills(scene, calls, begun, sorts, shared);
    this.#decodes = new Decodes(scene, calls, begun, sorts, paces);
    const sides = { ...shared, models: state.models, prefills: this.#prefills, decodes: this.#decodes };
    this.#giving = new Giving(scene, calls, sides, mostBatchUs);
    this.endsUs = new Float64Array(stages.length + scene.sourceEndUs.length);
    this.callEndsUs = new Float64Array(calls.count);
    this.placedUs = this.#giving.placedUs;
    this.beginsUs = this.#prefills.beginsUs;
    this.prefilledUs = this.#prefills.prefilledUs;
    this.arrivesUs = new Float64Array(calls.count);
    this.joinsUs = this.#decodes.joinsUs;
    this.#children = listChildren(scene);
    this.#timed = listTimed(scene, begun);
    this.#parentsOpen = countParents(scene, begun, this.#timed);
    this.#parentsLeft = new Int32Array(stages.length);
    this.#dirty = new Uint8Array(fleet.engines.length);
    this.#roused = new Int32Array(fleet.engines.length);
    this.#served = new Int32Array(fleet.engines.length);
  }

  /** By call, whose it is. */
  get keys(): readonly StageKey[] {
    return Array.from({ length: this.#calls.count }, (_, call) => this.#calls.stageOf(call).key);
  }

  /** A pair of engines as a number. */
  toPair(prefill: number, decode: number): number {
    return prefill * this.#dirty.length + decode;
  }

  prefillOf(pair: number): number {
    return Math.floor(pair / this.#dirty.length);
  }

  decodeOf(pair: number): number {
    return pair % this.#dirty.length;
  }

  /** Lays the plan out in time. `told`, by stage: its pair, or -1. */
  decode({ order, told }: WholePlan): void {
    const { nowUs } = this.scene;
    this.#reset(order, told);
    for (let stage = 0; stage < this.#parentsLeft.length; stage++)
      if (this.#parentsLeft[stage] === 0) this.#release(stage, nowUs);
    for (let engine = 0; engine < this.#dirty.length; engine++) this.#rouse(engine);
    this.#settle(nowUs);
    const prefillUs = this.#prefills.nextUs;
    const decodeUs = this.#decodes.nextUs;
    const engines = this.#dirty.length;
    for (;;) {
      let atUs = this.#timers.nextUs;
      for (let engine = 0; engine < engines; engine++) {
        if (prefillUs[engine]! < atUs) atUs = prefillUs[engine]!;
        if (decodeUs[engine]! < atUs) atUs = decodeUs[engine]!;
      }
      if (atUs === Infinity) return;
      for (let engine = 0; engine < engines; engine++) {
        if (prefillUs[engine] === atUs) this.#endPrompts(engine, atUs);
        if (decodeUs[engine] === atUs) this.#endDecodes(engine, atUs);
      }
      while (this.#timers.nextUs === atUs) this.#happen(this.#timers.take(), atUs);
      this.#settle(atUs);
    }
  }

  #reset(order: Int32Array, told: Int32Array): void {
    const { nowUs, stages, sourceEndUs } = this.scene;
    const never = nowUs + neverUs;
    const { begun } = this.#state;
    this.#timers.clear();
    this.#toSend.length = 0;
    this.#calls.reset(order, told);
    this.#caches.reset();
    this.#transfers.reset();
    this.#prefills.reset(this.#state.nicFreeUs, this.#later);
    this.#decodes.reset();
    this.#giving.reset(order, never);
    this.endsUs.fill(never, 0, stages.length);
    this.endsUs.set(sourceEndUs, stages.length);
    this.callEndsUs.fill(never);
    this.arrivesUs.fill(never);
    this.#parentsLeft.set(this.#parentsOpen);
    for (const [index, { standing }] of begun.shares.entries())
      if (standing.kind === "prefilled") this.#toSend.push(stages.length + index);
    for (const source of this.#timed)
      this.#timers.add(sourceEndUs[source - stages.length]!, this.#calls.count + source);
  }

  /** Calls come first in the timers' numbers, then stages and sources that end by themselves. */
  readonly #later = (us: number, call: number): void => this.#timers.add(us, call);

  #happen(number: number, atUs: number): void {
    const { count } = this.#calls;
    if (number >= count) {
      this.#endStage(number - count, atUs);
      return;
    }
    const engine = this.#calls.prefillAt[number]!;
    this.#rouse(engine);
    // Its inputs are there, or its KV is.
    if (this.#prefills.isInBatch(number)) return;
    const decoder = this.#calls.decodeAt[number]!;
    this.#prefills.release(number);
    this.arrivesUs[number] = atUs;
    this.#calls.sinceUs[number] = atUs;
    this.#calls.expectedUs[number] = this.#calls.decodeUs[number]!;
    this.#decodes.queues[decoder]!.push(number);
    this.#rouse(decoder);
  }

  #endPrompts(engine: number, atUs: number): void {
    this.#rouse(engine);
    this.#prefills.end(engine, atUs);
    for (const call of this.#prefills.ended) {
      if (this.#calls.decodeAt[call] === none) {
        this.#prefills.release(call);
        this.#endCall(call, engine, atUs);
      } else this.#toSend.push(call);
    }
  }

  #endDecodes(engine: number, atUs: number): void {
    this.#rouse(engine);
    this.#decodes.end(engine);
    for (const call of this.#decodes.ended) this.#endCall(call, engine, atUs);
  }

  #endCall(call: number, engine: number, atUs: number): void {
    const { stages } = this.#calls;
    this.callEndsUs[call] = atUs;
    const number = call < stages ? call : this.#state.begun.stages[call - stages]!.source;
    if (number < 0) return;
    this.#transfers.write(number, this.scene.fleet.hostOf[engine]!, atUs);
    this.#endStage(number, atUs);
  }

  /** Also of tools, and of what has begun. */
  #endStage(number: number, atUs: number): void {
    this.endsUs[number] = atUs;
    for (const child of this.#children[number]!) if ((this.#parentsLeft[child]! -= 1) === 0) this.#release(child, atUs);
  }

  #release(stage: number, atUs: number): void {
    if (this.scene.modelOf[stage]! < 0) {
      this.#timers.add(atUs + this.scene.fixedUs[stage]!, this.#calls.count + stage);
      return;
    }
    this.#giving.noteReady(stage);
    const engine = this.#calls.prefillAt[stage]!;
    if (engine >= 0) this.#rouse(engine);
  }

  /** All that happens at this instant has happened: calls are given to engines, KV is sent, and engines take up work. */
  #settle(atUs: number): void {
    while (this.#rousedCount > 0) {
      const count = this.#rousedCount;
      for (let at = 0; at < count; at++) this.#giving.give(this.#roused[at]!, atUs);
      for (const call of this.#toSend) this.#timers.add(this.#prefills.send(call, atUs), call);
      this.#toSend.length = 0;
      this.#rousedCount = 0;
      for (let at = 0; at < count; at++) this.#dirty[this.#roused[at]!] = 0;
      this.#served.set(this.#roused);
      for (let at = 0; at < count; at++) {
        const engine = this.#served[at]!;
        if (this.#state.decodes[engine] === 0) {
          this.#prefills.serve(engine, atUs, this.#later);
          continue;
        }
        this.#decodes.serve(engine, atUs);
        for (const call of this.#decodes.ended) this.#endCall(call, engine, atUs);
      }
    }
  }

  #rouse(engine: number): void {
    if (this.#dirty[engine] === 1) return;
    this.#dirty[engine] = 1;
    this.#roused[this.#rousedCount++] = engine;
  }
}
