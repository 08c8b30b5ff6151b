/**
 * One pass through a plan for batched engines, event by event: when each stage joins its batch and when it ends. The stages that a plan
 * gives to an engine come in runs of one model. Those of a run join in the plan's order as soon as they are ready and KV memory holds them
 * to their expected ends; who is not ready yet is passed by, who does not fit keeps those behind it waiting. The next run's model is
 * loaded when the batch has drained. Follows the simulator's batched engine, with predicted lengths and without preemption.
 */

import { open, type Starts, type WholePlan } from "../plan.ts";
import type { Residency } from "../residency.ts";
import type { Scene } from "../scene.ts";
import { neverUs } from "../transfers.ts";
import type { Begun } from "./begun.ts";
import { BatchedEngines } from "./engines.ts";
import { Giving } from "./giving.ts";
import { none } from "./members.ts";
import { Timers } from "./timers.ts";
import { countParents, listChildren, listTimed } from "./waits.ts";

export class BatchedDecoder {
  readonly scene: Scene;
  /** By stage, as the last pass had it: when it joins its batch, when it is given to its engine, and when it ends. */
  readonly beginsUs: Float64Array;
  readonly placedUs: Float64Array;
  readonly endsUs: Float64Array;
  readonly placements: Int32Array;
  /** By engine, when the last pass leaves it free, and the model that it begins to load now, or -1. */
  readonly freeUs: Float64Array;
  readonly loadsNow: Int32Array;
  /** By stage, what it waited for last: a parent or what its engine did before; -1 if neither. */
  readonly waitedFor: Int32Array;
  /** By workflow, when what has begun of it ends. */
  readonly baseEndsUs: Float64Array;
  readonly residency: Residency;
  readonly openVisits = 4;
  readonly byRuns = true;

  readonly #begun: Begun;
  readonly #engines: BatchedEngines;
  readonly #giving: Giving;
  readonly #timers = new Timers();
  /** By stage and source: who waits for it. */
  readonly #children: readonly (readonly number[])[];
  readonly #parentsOpen: Int32Array;
  readonly #parentsLeft: Int32Array;
  /** Sources that nothing on an engine brings forth. */
  readonly #timed: readonly number[];
  readonly #position: Int32Array;
  readonly #sharesLeft: Int32Array;
  readonly #unplaced: number[] = [];
  /** Engines that are to be looked after at this instant. */
  readonly #dirty: Uint8Array;
  readonly #roused: Int32Array;
  #rousedCount = 0;

  constructor(scene: Scene, begun: Begun, loadsAhead: boolean) {
    const { fleet, stages } = scene;
    const count = fleet.engines.length;
    this.scene = scene;
    this.#begun = begun;
    const all = stages.length + scene.sourceEndUs.length;
    this.endsUs = new Float64Array(all);
    this.freeUs = new Float64Array(count);
    this.baseEndsUs = new Float64Array(scene.workflows.length);
    this.#children = listChildren(scene);
    this.#timed = listTimed(scene, begun);
    this.#parentsOpen = countParents(scene, begun, this.#timed);
    this.#parentsLeft = new Int32Array(stages.length);
    this.#position = new Int32Array(stages.length);
    this.#engines = new BatchedEngines(scene, begun, this.#position);
    this.residency = this.#engines.residency;
    this.beginsUs = this.#engines.beginsUs;
    this.loadsNow = this.#engines.loadsNow;
    this.#giving = new Giving(scene, this.#engines, this.#position, loadsAhead);
    this.placements = this.#giving.placements;
    this.placedUs = this.#giving.placedUs;
    this.waitedFor = this.#giving.waitedFor;
    this.#sharesLeft = new Int32Array(begun.stages.length);
    this.#dirty = new Uint8Array(count);
    this.#roused = new Int32Array(count);
  }

  /** The plan with what it left open settled, in the order in which stages began. */
  settle({ order, told }: WholePlan): WholePlan {
    this.decode(order, told);
    const at = this.#position;
    const begins = this.beginsUs;
    return {
      order: order.toSorted((left, right) => begins[left]! - begins[right]! || at[left]! - at[right]!),
      told: this.placements.slice(),
    };
  }

  /** Lays the plan out in time. `order` names every stage once, parents before children. */
  decode(order: Int32Array, told: Int32Array): void {
    this.#reset(order, told);
    const timers = this.#timers;
    const { nowUs } = this.scene;
    const { nextUs } = this.#engines.segments;
    const count = nextUs.length;
    for (let stage = 0; stage < this.#parentsLeft.length; stage++)
      if (this.#parentsLeft[stage] === 0) this.#release(stage, nowUs, none);
    for (let engine = 0; engine < count; engine++) this.#rouse(engine);
    this.#settle(nowUs);
    for (;;) {
      let atUs = timers.nextUs;
      for (let engine = 0; engine < count; engine++) if (nextUs[engine]! < atUs) atUs = nextUs[engine]!;
      if (atUs === Infinity) return;
      for (let engine = 0; engine < count; engine++) if (nextUs[engine] === atUs) this.#advance(engine, atUs);
      while (timers.nextUs === atUs) this.#endStage(timers.take(), atUs);
      this.#settle(atUs);
    }
  }

  #reset(order: Int32Array, told: Int32Array): void {
    const { nowUs, workflows, stages, sourceEndUs } = this.scene;
    this.#engines.reset(order, told, nowUs + neverUs);
    this.#timers.clear();
    this.#giving.reset(order, told, nowUs + neverUs);
    this.endsUs.fill(nowUs + neverUs, 0, stages.length);
    this.endsUs.set(sourceEndUs, stages.length);
    this.freeUs.fill(nowUs);
    this.#parentsLeft.set(this.#parentsOpen);
    this.#unplaced.length = 0;
    for (const [workflow, { endUs }] of workflows.entries()) this.baseEndsUs[workflow] = endUs;
    for (const [index, { shares }] of this.#begun.stages.entries()) this.#sharesLeft[index] = shares;
    for (const source of this.#timed) this.#timers.add(sourceEndUs[source - stages.length]!, source);
  }

  /** What the last pass begins now: stages given to engines, in the plan's order, and loads. */
  startsOf({ order }: WholePlan): Starts {
    const { nowUs, modelOf } = this.scene;
    const loads = Array.from(this.loadsNow, (model, engine) => ({ engine, model })).filter(({ model }) => model >= 0);
    return {
      stages: Array.from(order).filter((stage) => modelOf[stage]! >= 0 && this.placedUs[stage] === nowUs),
      loads,
    };
  }

  /** The load, or the segment, is over. */
  #advance(engine: number, atUs: number): void {
    this.#rouse(engine);
    if (this.#engines.loadEndUs[engine]! > 0) {
      this.#engines.loadEndUs[engine] = 0;
      this.#engines.segments.nextUs[engine] = Infinity;
      this.freeUs[engine] = atUs;
      return;
    }
    this.#engines.segments.end(engine);
    for (let at = 0; at < this.#engines.segments.prefilledCount; at++)
      this.#engines.leaveCached(this.#engines.segments.prefilled[at]!, engine);
    for (let at = 0; at < this.#engines.segments.finishedCount; at++)
      this.#endShare(this.#engines.segments.finished[at]!, engine, atUs);
  }

  #endShare(number: number, engine: number, atUs: number): void {
    const { stages, fleet } = this.scene;
    this.freeUs[engine] = atUs;
    for (const other of fleet.besideOf[engine]!) this.#rouse(other);
    this.#giving.lastEnded[engine] = number < stages.length ? number : none;
    if (number < stages.length) {
      this.#engines.transfers.write(number, fleet.hostOf[engine]!, atUs);
      this.#endStage(number, atUs);
      return;
    }
    const { stage } = this.#begun.shares[number - stages.length]!;
    if ((this.#sharesLeft[stage]! -= 1) > 0) return;
    const { source, workflow, mergeUs, host } = this.#begun.stages[stage]!;
    const endUs = atUs + mergeUs;
    if (workflow >= 0 && endUs > this.baseEndsUs[workflow]!) this.baseEndsUs[workflow] = endUs;
    if (source < 0) return;
    this.#engines.transfers.write(source, host, endUs);
    if (mergeUs > 0) this.#timers.add(endUs, source);
    else this.#endStage(source, endUs);
  }

  /** Also of tools, and of what has begun. */
  #endStage(number: number, atUs: number): void {
    this.endsUs[number] = atUs;
    const children = this.#children[number]!;
    for (let at = 0; at < children.length; at++) {
      const child = children[at]!;
      if ((this.#parentsLeft[child]! -= 1) === 0) this.#release(child, atUs, number);
    }
  }

  #release(stage: number, atUs: number, cause: number): void {
    if (this.scene.modelOf[stage]! < 0) {
      this.waitedFor[stage] = cause;
      this.beginsUs[stage] = atUs;
      this.#timers.add(atUs + this.scene.fixedUs[stage]!, stage);
      return;
    }
    this.#giving.noteReady(stage, atUs, cause);
    const engine = this.placements[stage]!;
    if (engine < 0) this.#unplaced.push(stage);
    else this.#rouse(engine);
  }

  /** All that happens at this instant has happened: who can be given to an engine is, and engines take up work. */
  #settle(atUs: number): void {
    if (this.#unplaced.length > 0) {
      this.#unplaced.sort((left, right) => this.#position[left]! - this.#position[right]!);
      for (const stage of this.#unplaced) {
        const engine = this.#giving.place(stage, atUs);
        if (engine !== open) this.#rouse(engine);
      }
      this.#unplaced.length = 0;
    }
    for (let at = 0; at < this.#rousedCount; at++) {
      const engine = this.#roused[at]!;
      this.#dirty[engine] = 0;
      if (this.#engines.loadEndUs[engine]! > 0) continue;
      this.#giving.give(engine, atUs);
      this.#engines.serve(engine, atUs);
    }
    this.#rousedCount = 0;
  }

  #rouse(engine: number): void {
    if (this.#dirty[engine] === 1) return;
    this.#dirty[engine] = 1;
    this.#roused[this.#rousedCount++] = engine;
  }
}
