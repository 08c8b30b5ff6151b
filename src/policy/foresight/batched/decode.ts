/**
 * One pass through a plan for batched engines, event by event: when each stage joins its batch and when it ends. The stages that a plan
 * gives to an engine come in runs of one model. Those of a run join in the plan's order as soon as they are ready and KV memory holds them
 * to their expected ends; who is not ready yet is passed by, who does not fit keeps those behind it waiting. The next run's model is
 * loaded when the batch has drained. Follows the simulator's batched engine, with predicted lengths and without preemption.
 */

import { Caches } from "../caches.ts";
import { open, type Placement } from "../decode.ts";
import type { Starts, WholePlan } from "../plan.ts";
import { Residency, resident } from "../residency.ts";
import type { Scene } from "../scene.ts";
import { neverUs, Transfers } from "../transfers.ts";
import { batchingsOf } from "./batchings.ts";
import type { Begun } from "./begun.ts";
import { Members, none } from "./members.ts";
import { Paces } from "./paces.ts";
import { Segments } from "./segments.ts";
import { Shares } from "./shares.ts";
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
  readonly openVisits = 4;
  readonly byRuns = true;

  readonly #begun: Begun;
  readonly #loadsAhead: boolean;
  readonly #members: Members;
  readonly #shares: Shares;
  readonly #paces: Paces;
  readonly #segments: Segments;
  readonly #transfers: Transfers;
  readonly #residency: Residency;
  readonly #caches: Caches;
  readonly #timers = new Timers();
  /** By stage and source: who waits for it. */
  readonly #children: readonly (readonly number[])[];
  readonly #parentsOpen: Int32Array;
  readonly #parentsLeft: Int32Array;
  /** Sources that nothing on an engine brings forth. */
  readonly #timed: readonly number[];
  readonly #position: Int32Array;
  readonly #readyUs: Float64Array;
  readonly #isReady: Uint8Array;
  readonly #level: Int32Array;
  /** By engine: the first stage told to it that has not been given to it; by stage the next one. */
  readonly #head: Int32Array;
  readonly #next: Int32Array;
  /** By engine: ready ones among them; given to it and not in the batch yet; left open and found to end first there. */
  readonly #waiting: Int32Array;
  readonly #queues: readonly number[][];
  readonly #strays: readonly number[][];
  readonly #loadEndUs: Float64Array;
  readonly #lastEnded: Int32Array;
  /** By engine and model, the last position of a stage that has used it. */
  readonly #lastUses: Int32Array;
  readonly #sharesLeft: Int32Array;
  readonly #unplaced: number[] = [];
  /** Engines that are to be looked after at this instant. */
  readonly #dirty: Uint8Array;
  readonly #roused: Int32Array;
  #rousedCount = 0;

  constructor(scene: Scene, begun: Begun, loadsAhead: boolean) {
    const { fleet, stages, engines } = scene;
    const count = fleet.engines.length;
    this.scene = scene;
    this.#begun = begun;
    this.#loadsAhead = loadsAhead;
    const all = stages.length + scene.sourceEndUs.length;
    this.beginsUs = new Float64Array(stages.length);
    this.placedUs = new Float64Array(stages.length);
    this.endsUs = new Float64Array(all);
    this.placements = new Int32Array(stages.length);
    this.freeUs = new Float64Array(count);
    this.loadsNow = new Int32Array(count);
    this.waitedFor = new Int32Array(stages.length);
    this.baseEndsUs = new Float64Array(scene.workflows.length);
    const batchings = batchingsOf(fleet);
    const most = Math.max(0, ...fleet.engines.map(({ engine }) => engine.batching.maxSequences));
    this.#members = new Members(scene, begun);
    this.#shares = new Shares(fleet, batchings, 1 + Math.min(most, stages.length) + begun.shares.length);
    this.#paces = new Paces(fleet, batchings, engines.slowFactor);
    this.#segments = new Segments(this.#shares, this.#paces, batchings);
    this.#transfers = new Transfers(scene);
    this.#residency = new Residency(scene);
    this.#caches = new Caches(scene);
    this.#children = listChildren(scene);
    this.#timed = listTimed(scene, begun);
    this.#parentsOpen = countParents(scene, begun, this.#timed);
    this.#parentsLeft = new Int32Array(stages.length);
    this.#position = new Int32Array(stages.length);
    this.#readyUs = new Float64Array(stages.length);
    this.#isReady = new Uint8Array(stages.length);
    this.#level = new Int32Array(stages.length);
    this.#head = new Int32Array(count);
    this.#next = new Int32Array(stages.length);
    this.#waiting = new Int32Array(count);
    this.#queues = Array.from({ length: count }, () => []);
    this.#strays = Array.from({ length: count }, () => []);
    this.#loadEndUs = new Float64Array(count);
    this.#lastEnded = new Int32Array(count);
    this.#lastUses = new Int32Array(count * fleet.models);
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
    const { nextUs } = this.#segments;
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
    const { nowUs, fleet, engines, workflows, stages, sourceEndUs } = this.scene;
    this.#transfers.reset();
    this.#caches.reset();
    this.#residency.reset(order, told);
    this.#timers.clear();
    this.#shares.reset();
    this.#segments.reset();
    this.placements.set(told);
    this.beginsUs.fill(nowUs + neverUs);
    this.placedUs.fill(nowUs + neverUs);
    this.endsUs.fill(nowUs + neverUs, 0, stages.length);
    this.endsUs.set(sourceEndUs, stages.length);
    this.waitedFor.fill(none);
    this.freeUs.fill(nowUs);
    this.loadsNow.fill(none);
    this.#lastEnded.fill(none);
    this.#lastUses.fill(none);
    this.#parentsLeft.set(this.#parentsOpen);
    this.#isReady.fill(0);
    this.#waiting.fill(0);
    this.#head.fill(none);
    this.#unplaced.length = 0;
    for (const [workflow, { endUs }] of workflows.entries()) this.baseEndsUs[workflow] = endUs;
    for (let at = order.length - 1; at >= 0; at--) {
      const stage = order[at]!;
      this.#position[stage] = at;
      const engine = told[stage]!;
      if (engine < 0) continue;
      this.#next[stage] = this.#head[engine]!;
      this.#head[engine] = stage;
    }
    for (let engine = 0; engine < fleet.engines.length; engine++) {
      this.#queues[engine]!.length = 0;
      this.#strays[engine]!.length = 0;
      const loadEndUs = engines.loadEndUs[engine]!;
      this.#loadEndUs[engine] = loadEndUs;
      if (loadEndUs > 0) this.#segments.nextUs[engine] = loadEndUs;
    }
    for (const [index, { shares }] of this.#begun.stages.entries()) this.#sharesLeft[index] = shares;
    for (const [index, { engine, model, shape, left }] of this.#begun.shares.entries()) {
      if (left === undefined) this.#queues[engine]!.push(stages.length + index);
      else this.#shares.goOn(engine, model, stages.length + index, shape, left);
    }
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
    if (this.#loadEndUs[engine]! > 0) {
      this.#loadEndUs[engine] = 0;
      this.#segments.nextUs[engine] = Infinity;
      this.freeUs[engine] = atUs;
      return;
    }
    this.#segments.end(engine);
    for (let at = 0; at < this.#segments.prefilledCount; at++) this.#leaveCached(this.#segments.prefilled[at]!, engine);
    for (let at = 0; at < this.#segments.finishedCount; at++)
      this.#endShare(this.#segments.finished[at]!, engine, atUs);
  }

  #leaveCached(number: number, engine: number): void {
    const model = this.scene.modelOf[number];
    if (model === undefined) return;
    this.#caches.leave(number, engine, model, this.#level[number]!, this.#roomTokens(engine, model));
  }

  #roomTokens(engine: number, model: number): number {
    const own = this.scene.fleet.engines[engine]!.engine.prefixTokens ?? Infinity;
    return Math.min(own, this.#shares.capacity(engine, model) - this.#shares.joinTokens[engine]!);
  }

  #endShare(number: number, engine: number, atUs: number): void {
    const { stages, fleet } = this.scene;
    this.freeUs[engine] = atUs;
    this.#lastEnded[engine] = number < stages.length ? number : none;
    if (number < stages.length) {
      this.#transfers.write(number, fleet.hostOf[engine]!, atUs);
      this.#endStage(number, atUs);
      return;
    }
    const { stage } = this.#begun.shares[number - stages.length]!;
    if ((this.#sharesLeft[stage]! -= 1) > 0) return;
    const { source, workflow, mergeUs, host } = this.#begun.stages[stage]!;
    const endUs = atUs + mergeUs;
    if (workflow >= 0 && endUs > this.baseEndsUs[workflow]!) this.baseEndsUs[workflow] = endUs;
    if (source < 0) return;
    this.#transfers.write(source, host, endUs);
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
    this.#readyUs[stage] = atUs;
    this.waitedFor[stage] = cause;
    if (this.scene.modelOf[stage]! < 0) {
      this.beginsUs[stage] = atUs;
      this.#timers.add(atUs + this.scene.fixedUs[stage]!, stage);
      return;
    }
    this.#isReady[stage] = 1;
    const engine = this.placements[stage]!;
    if (engine < 0) {
      this.#unplaced.push(stage);
      return;
    }
    this.#waiting[engine]! += 1;
    this.#rouse(engine);
  }

  /** All that happens at this instant has happened: who can be given to an engine is, and engines take up work. */
  #settle(atUs: number): void {
    if (this.#unplaced.length > 0) {
      this.#unplaced.sort((left, right) => this.#position[left]! - this.#position[right]!);
      for (const stage of this.#unplaced) this.#placeOpen(stage, atUs);
      this.#unplaced.length = 0;
    }
    for (let at = 0; at < this.#rousedCount; at++) {
      const engine = this.#roused[at]!;
      this.#dirty[engine] = 0;
      if (this.#loadEndUs[engine]! > 0) continue;
      this.#give(engine, atUs);
      this.#serve(engine, atUs);
    }
    this.#rousedCount = 0;
  }

  #rouse(engine: number): void {
    if (this.#dirty[engine] === 1) return;
    this.#dirty[engine] = 1;
    this.#roused[this.#rousedCount++] = engine;
  }

  /** What the plan has next there goes into the engine's queue, if the engine takes it from there at once, or loads for it. */
  #give(engine: number, atUs: number): void {
    const strays = this.#strays[engine]!;
    const queue = this.#queues[engine]!;
    let head = this.#head[engine]!;
    if (head === none && strays.length === 0) return;
    let current = this.#shares.model[engine]!;
    if (current === none && queue.length > 0) current = this.#members.modelOf(queue[0]!);
    if (current === none && strays.length > 0) {
      const [stray] = strays;
      const first = head === none || this.#position[stray!]! < this.#position[head]! || !this.#hasReady(engine, head);
      if (first) {
        this.#giveStrays(engine, this.scene.modelOf[stray!]!, atUs);
        return;
      }
    }
    if (head !== none) {
      const model = this.scene.modelOf[head]!;
      if (current === none && !this.#residency.has(engine, model)) {
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
    const model = this.scene.modelOf[head]!;
    for (let stage = head; stage !== none && this.scene.modelOf[stage] === model; stage = this.#next[stage]!)
      if (this.#isReady[stage] === 1) return true;
    return false;
  }

  /** Of what is told to the engine, those of the run at its head. */
  #giveRun(engine: number, model: number, atUs: number): void {
    const { modelOf } = this.scene;
    let before = none;
    for (let stage = this.#head[engine]!; stage !== none && modelOf[stage] === model; stage = this.#next[stage]!) {
      if (this.#isReady[stage] === 0) {
        before = stage;
        continue;
      }
      if (!this.#hasRoom(engine, model, stage)) return;
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
    while (strays.length > 0 && this.scene.modelOf[strays[0]!] === model && this.#hasRoom(engine, model, strays[0]!)) {
      this.#queue(engine, strays.shift()!, atUs);
      if (!this.#residency.has(engine, model)) return;
    }
  }

  /** Beside the batch and what waits to join it. The first one always gets in. */
  #hasRoom(engine: number, model: number, stage: number): boolean {
    const queue = this.#queues[engine]!;
    if (this.#shares.count[engine] === 0 && queue.length === 0) return true;
    let tokens = 0;
    let sequences = 0;
    for (const number of queue) {
      const shape = this.#members.shapeOf(number, engine);
      tokens += shape.fullTokens;
      sequences += shape.sequences;
    }
    return this.#shares.fits(engine, model, this.#members.shapeOf(stage, engine), tokens, sequences);
  }

  #queue(engine: number, stage: number, atUs: number): void {
    this.#queues[engine]!.push(stage);
    this.placedUs[stage] = atUs;
    if (atUs > this.#readyUs[stage]!) this.waitedFor[stage] = this.#lastEnded[engine]!;
  }

  /** For the run that begins with `head`: at once, or, if nothing is loaded ahead, when one of it is ready, which is queued then. */
  #loadFor(engine: number, head: number, atUs: number): void {
    const { modelOf } = this.scene;
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
    } else if (this.#loadsAhead) this.#load(engine, model, this.#position[head]!, atUs);
  }

  #load(engine: number, model: number, position: number, atUs: number): void {
    const loadUs = this.#use(engine, model, position);
    if (loadUs === resident) return;
    this.#caches.forget(engine, model);
    this.#loadEndUs[engine] = atUs + loadUs;
    this.#segments.nextUs[engine] = atUs + loadUs;
    if (atUs === this.scene.nowUs) this.loadsNow[engine] = model;
  }

  /** Stages of a run may pass each other: the model is due again after the last of those that have used it. */
  #use(engine: number, model: number, position: number): number {
    const cell = engine * this.scene.fleet.models + model;
    const last = Math.max(this.#lastUses[cell]!, position);
    this.#lastUses[cell] = last;
    return this.#residency.use(engine, model, last, 0);
  }

  /** As the engine does by itself. */
  #serve(engine: number, atUs: number): void {
    const queue = this.#queues[engine]!;
    const shares = this.#shares;
    if (this.#segments.isBusy(engine)) {
      if (queue.length > 0 && this.#mayJoin(engine, queue[0]!)) this.#segments.cut(engine, atUs);
      return;
    }
    while (queue.length > 0) {
      const number = queue[0]!;
      if (!this.#mayJoin(engine, number)) break;
      const model = this.#members.modelOf(number);
      if (!this.#residency.has(engine, model)) {
        if (shares.count[engine] === 0) this.#load(engine, model, this.#position[number] ?? none, atUs);
        break;
      }
      queue.shift();
      this.#join(engine, model, number, atUs);
    }
    if (this.#loadEndUs[engine] === 0 && shares.count[engine]! > 0) this.#segments.start(engine, atUs, this.#lookUp);
  }

  #mayJoin(engine: number, number: number): boolean {
    if (this.#shares.count[engine] === 0) return true;
    return this.#shares.fits(engine, this.#members.modelOf(number), this.#members.shapeOf(number, engine), 0, 0);
  }

  #join(engine: number, model: number, number: number, atUs: number): void {
    const { fleet, stages } = this.scene;
    let inputsUs = atUs;
    if (number < stages.length) {
      this.beginsUs[number] = atUs;
      this.#use(engine, model, this.#position[number]!);
      inputsUs = this.#transfers.fetch(number, fleet.hostOf[engine]!, atUs);
    }
    this.#shares.join(engine, model, number, this.#members.shapeOf(number, engine), inputsUs);
    this.#caches.squeeze(engine, model, this.#roomTokens(engine, model));
  }

  readonly #lookUp = (number: number, engine: number): number => {
    const times = this.scene.times[number];
    if (times === undefined) return 0;
    const level = this.#caches.levelOf(number, engine, this.scene.modelOf[number]!);
    this.#level[number] = level;
    return times.linkTokens[level]!;
  };

  /** Where it would end first, as things stand now. */
  #placeOpen(stage: number, atUs: number): void {
    const engine = this.#pickEarliest(stage, atUs);
    this.placements[stage] = engine;
    if (engine === open) return;
    const strays = this.#strays[engine]!;
    let at = strays.length;
    while (at > 0 && this.#position[strays[at - 1]!]! > this.#position[stage]!) at -= 1;
    strays.splice(at, 0, stage);
    this.#rouse(engine);
  }

  #pickEarliest(stage: number, atUs: number): Placement {
    let best: Placement = open;
    let bestUs = Infinity;
    for (const engine of this.scene.able[stage]!) {
      const endUs = this.#wouldEndUs(stage, engine, atUs);
      if (endUs >= bestUs) continue;
      best = engine;
      bestUs = endUs;
    }
    return best;
  }

  #wouldEndUs(stage: number, engine: number, atUs: number): number {
    const { fleet, modelOf, times, engines } = this.scene;
    const model = modelOf[stage]!;
    const shares = this.#shares;
    const shape = this.#members.shapeOf(stage, engine);
    let startUs = Math.max(atUs, this.#loadEndUs[engine]!);
    let queuedUs = 0;
    let joins = shares.model[engine] === none || shares.model[engine] === model;
    for (const list of [this.#queues[engine]!, this.#strays[engine]!])
      for (const number of list) {
        if (this.#members.modelOf(number) !== model) joins = false;
        queuedUs += times[number]?.wholeUs(engine, 0) ?? 0;
      }
    if (!joins || !this.#hasRoom(engine, model, stage)) startUs += this.#paces.drainUs(shares, engine) + queuedUs;
    else startUs += queuedUs / 2;
    if (!this.#residency.has(engine, model)) startUs += this.#residency.loadUs(engine, model);
    const inputsUs = this.#transfers.wouldFetch(stage, fleet.hostOf[engine]!, startUs);
    const level = this.#residency.has(engine, model) ? this.#caches.levelOf(stage, engine, model) : 0;
    const besideUs = joins ? this.#paces.besideUs(shares, engine, model, shape) : 0;
    return inputsUs + engines.slowFactor[engine]! * times[stage]!.wholeUs(engine, level) + besideUs;
  }
}
