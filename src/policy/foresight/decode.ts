/**
 * One pass through a plan: when each stage begins and ends, where, and what an engine gives up for it. Follows the exclusive engines
 * of the simulator step by step, with predicted lengths, but goes through the plan's order instead of through time, so ways
 * between hosts serve in that order. Engines load the next model of their sequence as soon as they are free, and give up first
 * what the plan needs last. Costs stages + edges, and nothing is allocated.
 */

import { shardUs } from "../../cost/shard.ts";
import type { Scene } from "./scene.ts";

/** Where a stage goes: an engine's number, or that of a pair behind all engines, or one of these two. */
export type Placement = number;
/** Where it ends first. */
export const open: Placement = -1;
/** The same, pairs included. */
export const openToPairs: Placement = -2;

/** Hours behind anything that can be served. */
export const neverUs = 1e10;
/** A position behind all that a plan has. */
const notAgain = 1 << 24;
const mergeUs = shardUs(2);

export class Decoder {
  readonly scene: Scene;
  /** By stage, as the last pass had it: when its model is there and it is placed, and when it ends. */
  readonly beginsUs: Float64Array;
  readonly endsUs: Float64Array;
  readonly placements: Int32Array;
  /** By engine, when the last pass leaves it free. */
  readonly freeUs: Float64Array;
  /** By stage, what it waited for last: a parent or what its engine did before; -1 if neither. */
  readonly waitedFor: Int32Array;

  readonly #loadsAhead: boolean;
  readonly #copies: Float64Array;
  /** By stage and source: the one host that has its output, -1 if several have. */
  readonly #homes: Int32Array;
  readonly #wayFreeUs: Float64Array;
  readonly #residents: Int32Array;
  readonly #held: Int32Array;
  readonly #before: Int32Array;
  /** By engine and model, the position at which the plan calls it there next. */
  readonly #due: Int32Array;
  /** By position and share, the next position of its model on its engine. */
  readonly #nextDue: Int32Array;
  /** By engine and link, the moment of its last insertion; by engine and model, that of its last load. Moments only grow. */
  readonly #insertedAt: Float64Array;
  /** By stage and engine, times with nothing cached and with what is cached now; NaN where not asked for yet. */
  readonly #knownUs: Float64Array;
  readonly #loadedAt: Float64Array;
  #moment = 0;
  #startOfPass = 0;
  #position = 0;

  constructor(scene: Scene, loadsAhead: boolean) {
    const { fleet, stages, links, engines } = scene;
    const count = fleet.engines.length;
    this.scene = scene;
    this.#loadsAhead = loadsAhead;
    this.beginsUs = new Float64Array(stages.length);
    this.endsUs = new Float64Array(stages.length + scene.sourceEndUs.length);
    this.endsUs.set(scene.sourceEndUs, stages.length);
    this.placements = new Int32Array(stages.length).fill(open);
    this.waitedFor = new Int32Array(stages.length);
    this.freeUs = engines.freeUs.slice();
    this.#copies = scene.copies.slice();
    this.#homes = scene.homes.slice();
    this.#wayFreeUs = scene.wayFreeUs.slice();
    this.#residents = engines.residents.slice();
    this.#held = engines.held.slice();
    this.#before = new Int32Array(count);
    this.#due = new Int32Array(count * fleet.models);
    this.#nextDue = new Int32Array(stages.length * 2);
    this.#knownUs = new Float64Array(stages.length * count * 2).fill(NaN);
    this.#insertedAt = new Float64Array(count * links.count);
    this.#loadedAt = new Float64Array(count * fleet.models);
  }

  /** Lays the plan out in time. `order` names every stage once, parents before children. */
  decode(order: Int32Array, told: Int32Array): void {
    this.#reset();
    this.#lookForNextUses(order, told);
    const { nowUs, modelOf, fixedUs, parentStarts, parents } = this.scene;
    const { endsUs, placements, waitedFor } = this;
    for (let position = 0; position < order.length; position++) {
      const stage = order[position]!;
      let readyUs = nowUs;
      let cause = -1;
      for (let at = parentStarts[stage]!; at < parentStarts[stage + 1]!; at++) {
        const endUs = endsUs[parents[at]!]!;
        if (endUs > readyUs) {
          readyUs = endUs;
          cause = parents[at]!;
        }
      }
      waitedFor[stage] = cause;
      if (modelOf[stage]! < 0) {
        placements[stage] = open;
        this.beginsUs[stage] = readyUs;
        endsUs[stage] = readyUs + fixedUs[stage]!;
        continue;
      }
      this.#position = position;
      let placement = told[stage]!;
      if (placement < 0) placement = this.#pickEarliest(stage, readyUs, placement);
      placements[stage] = placement;
      this.#serve(stage, placement, readyUs);
    }
  }

  #reset(): void {
    const { scene } = this;
    this.freeUs.set(scene.engines.freeUs);
    this.#copies.set(scene.copies);
    this.#homes.set(scene.homes);
    this.#wayFreeUs.set(scene.wayFreeUs);
    this.#residents.set(scene.engines.residents);
    this.#held.set(scene.engines.held);
    this.#before.fill(-1);
    this.#loadedAt.fill(0);
    this.#moment += 1;
    this.#startOfPass = this.#moment;
  }

  /** From the end of the plan: by position the next use of the model there, and at last by engine and model the first one. */
  #lookForNextUses(order: Int32Array, told: Int32Array): void {
    const { modelOf, fleet } = this.scene;
    const engines = fleet.engines.length;
    this.#due.fill(notAgain);
    for (let position = order.length - 1; position >= 0; position--) {
      const stage = order[position]!;
      const placement = told[stage]!;
      if (placement < 0) {
        this.#nextDue[position * 2] = notAgain;
        continue;
      }
      if (placement < engines) this.#noteUse(position, 0, placement * fleet.models + modelOf[stage]!);
      else {
        const pair = fleet.pairs[placement - engines]!;
        this.#noteUse(position, 0, pair[0] * fleet.models + modelOf[stage]!);
        this.#noteUse(position, 1, pair[1] * fleet.models + modelOf[stage]!);
      }
    }
  }

  #noteUse(position: number, share: number, cell: number): void {
    this.#nextDue[position * 2 + share] = this.#due[cell]!;
    this.#due[cell] = position;
  }

  #serve(stage: number, placement: Placement, readyUs: number): void {
    const { fleet, nowUs } = this.scene;
    const { hostOf, hosts, pairs } = fleet;
    const count = fleet.engines.length;
    if (placement === open) {
      this.beginsUs[stage] = nowUs + neverUs;
      this.endsUs[stage] = nowUs + neverUs;
      return;
    }
    if (placement < count) {
      const endUs = this.#take(stage, placement, 0, -1, readyUs);
      this.endsUs[stage] = endUs;
      this.#copies[stage * hosts + hostOf[placement]!] = endUs;
      this.#homes[stage] = hostOf[placement]!;
      return;
    }
    const pair = placement - count;
    const [lead, other] = pairs[pair]!;
    const placeUs = Math.max(readyUs, this.freeUs[lead]!, this.freeUs[other]!);
    this.beginsUs[stage] = Infinity;
    // What begins first fetches first, and the other one finds it there.
    const otherFirst = this.#loadedUs(stage, other, placeUs) < this.#loadedUs(stage, lead, placeUs);
    const firstUs = this.#take(stage, otherFirst ? other : lead, otherFirst ? 1 : 0, pair, placeUs);
    const secondUs = this.#take(stage, otherFirst ? lead : other, otherFirst ? 0 : 1, pair, placeUs);
    const endUs = Math.max(firstUs, secondUs) + mergeUs;
    this.endsUs[stage] = endUs;
    this.#copies[stage * hosts + hostOf[lead]!] = endUs;
    this.#homes[stage] = hostOf[lead]!;
  }

  /** Has an engine serve the stage, or its share of the pair, from when it is placed; returns when it is done. */
  #take(stage: number, engine: number, share: number, pair: number, placeUs: number): number {
    const { scene, freeUs } = this;
    const { fleet, modelOf, times, engines } = scene;
    const model = modelOf[stage]!;
    const slow = engines.slowFactor[engine]!;
    const freedUs = freeUs[engine]!;
    const loadUs = this.#use(engine, model, slow);
    this.#due[engine * fleet.models + model] = this.#nextDue[this.#position * 2 + share]!;
    const loadedUs = this.#loadsAhead ? freedUs + loadUs : Math.max(freedUs, placeUs) + loadUs;
    const startUs = loadedUs > placeUs ? loadedUs : placeUs;
    if (freedUs + loadUs > placeUs) this.waitedFor[stage] = this.#before[engine]!;
    const inputsUs = this.#fetch(stage, fleet.hostOf[engine]!, startUs);
    const level = this.#cachedLevel(stage, engine, model);
    const plainUs = pair < 0 ? this.#wholeUs(stage, engine, level) : times[stage]!.shareUs(pair, share, level);
    const endUs = inputsUs + (slow === 1 ? plainUs : Math.round(plainUs * slow));
    this.#leave(stage, engine);
    if (pair < 0 || startUs < this.beginsUs[stage]!) this.beginsUs[stage] = startUs;
    freeUs[engine] = endUs;
    this.#before[engine] = stage;
    return endUs;
  }

  /** The model becomes the last one used there; returns what loading it takes, 0 if it is there. */
  #use(engine: number, model: number, slow: number): number {
    const { fleet, engines } = this.scene;
    const residents = this.#residents;
    const from = engine * engines.span;
    let count = this.#held[engine]!;
    for (let at = from + count - 1; at >= from; at--) {
      if (residents[at] !== model) continue;
      for (; at < from + count - 1; at++) residents[at] = residents[at + 1]!;
      residents[at] = model;
      return 0;
    }
    const cell = engine * fleet.models;
    let freeBytes = fleet.memoryBytes[engine]! - fleet.footprintBytes[cell + model]!;
    for (let at = from; at < from + count; at++) freeBytes -= fleet.footprintBytes[cell + residents[at]!]!;
    while (count > 0 && (freeBytes < 0 || count >= fleet.mostResidents[engine]!)) {
      const victim = this.#pickVictim(engine, from, count);
      freeBytes += fleet.footprintBytes[cell + residents[victim]!]!;
      for (let at = victim; at < from + count - 1; at++) residents[at] = residents[at + 1]!;
      count -= 1;
    }
    residents[from + count] = model;
    this.#held[engine] = count + 1;
    this.#moment += 1;
    this.#loadedAt[cell + model] = this.#moment;
    const us = fleet.loadUs[cell + model]!;
    return slow === 1 ? us : Math.round(us * slow);
  }

  /** Called last there, of equals called last anywhere, of equals the least recently used. */
  #pickVictim(engine: number, from: number, count: number): number {
    const { fleet, awayOf } = this.scene;
    const cell = engine * fleet.models;
    let victim = from;
    for (let at = from + 1; at < from + count; at++) {
      const model = this.#residents[at]!;
      const worst = this.#residents[victim]!;
      const due = this.#due[cell + model]!;
      const worstDue = this.#due[cell + worst]!;
      if (due > worstDue || (due === worstDue && awayOf[model]! > awayOf[worst]!)) victim = at;
    }
    return victim;
  }

  /** When all inputs are on the host. */
  #fetch(stage: number, to: number, startUs: number): number {
    const { parentStarts, parents, parentBytes, hasOutput, fleet } = this.scene;
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
        if (copies[parent * hosts + from]! > startUs || wayOf[way]! < 0) continue;
        const us = Math.round(fleet.wayFixedUs[way]! + bytes * fleet.wayUsPerByte[way]!);
        const copyUs = copies[parent * hosts + from]!;
        // Of equal ways, from where the output has been longest.
        if (us > bestUs || (us === bestUs && copyUs >= oldestUs)) continue;
        bestUs = us;
        oldestUs = copyUs;
        best = wayOf[way]!;
      }
      let thereUs = startUs + neverUs;
      if (best >= 0) {
        const serial = fleet.ways[best]!.serial;
        thereUs = (serial ? Math.max(startUs, this.#wayFreeUs[best]!) : startUs) + bestUs;
        this.#wayFreeUs[best] = thereUs;
        if (thereUs < copies[parent * hosts + to]!) copies[parent * hosts + to] = thereUs;
        this.#homes[parent] = -1;
      }
      if (thereUs > inputsUs) inputsUs = thereUs;
    }
    return inputsUs;
  }

  /** Links of the stage's prompt that are cached there by then. */
  #cachedLevel(stage: number, engine: number, model: number): number {
    const { links, fleet } = this.scene;
    const loadedAt = this.#loadedAt[engine * fleet.models + model]!;
    const first = links.starts[stage]!;
    const level = loadedAt > 0 ? 0 : links.cached[stage * fleet.engines.length + engine]!;
    const since = loadedAt > 0 ? loadedAt : this.#startOfPass;
    for (let at = links.starts[stage + 1]! - 1; at >= first; at--) {
      const own = links.levels[at]!;
      if (own <= level) break;
      if (this.#insertedAt[engine * links.count + links.numbers[at]!]! >= since) return own;
    }
    return level;
  }

  #leave(stage: number, engine: number): void {
    const { links } = this.scene;
    const from = engine * links.count;
    const leaves = links.leaves[stage]!;
    for (let at = links.starts[stage]!; at < links.starts[stage + 1]! && links.levels[at]! <= leaves; at++)
      this.#insertedAt[from + links.numbers[at]!] = this.#moment;
    const output = links.outputs[stage]!;
    if (output >= 0) this.#insertedAt[from + output] = this.#moment;
  }

  /** Of the engines that may take the stage the one on which it ends first; `open` if none may. */
  #pickEarliest(stage: number, readyUs: number, told: Placement): Placement {
    const { able, ablePairs, fleet } = this.scene;
    const count = fleet.engines.length;
    let best = open;
    let bestUs = Infinity;
    for (const engine of able[stage]!) {
      const endUs = this.#wouldEndUs(stage, engine, 0, -1, readyUs, bestUs);
      if (endUs >= bestUs) continue;
      best = engine;
      bestUs = endUs;
    }
    if (told !== openToPairs) return best;
    for (const pair of ablePairs[stage]!) {
      const [lead, other] = fleet.pairs[pair]!;
      const placeUs = Math.max(readyUs, this.freeUs[lead]!, this.freeUs[other]!);
      const leadUs = this.#wouldEndUs(stage, lead, 0, pair, placeUs, bestUs);
      if (leadUs >= bestUs) continue;
      const endUs = mergeUs + Math.max(leadUs, this.#wouldEndUs(stage, other, 1, pair, placeUs, bestUs));
      if (endUs >= bestUs) continue;
      best = count + pair;
      bestUs = endUs;
    }
    return best;
  }

  /** As `#take`, but nothing changes, and ways are free. No further than `mostUs`. */
  #wouldEndUs(stage: number, engine: number, share: number, pair: number, placeUs: number, mostUs: number): number {
    const { fleet, modelOf, times, engines } = this.scene;
    const model = modelOf[stage]!;
    const slow = engines.slowFactor[engine]!;
    const resident = this.#isResident(engine, model);
    const startUs = this.#loadedUs(stage, engine, placeUs);
    if (startUs >= mostUs) return Infinity;
    const inputsUs = this.#wouldFetch(stage, fleet.hostOf[engine]!, startUs);
    const level = resident ? this.#cachedLevel(stage, engine, model) : 0;
    const plainUs = pair < 0 ? this.#wholeUs(stage, engine, level) : times[stage]!.shareUs(pair, share, level);
    return inputsUs + slow * plainUs;
  }

  /** Most stages find as much cached as there is now, or nothing: these two are looked up fast. */
  #wholeUs(stage: number, engine: number, level: number): number {
    const { times, fleet, links } = this.scene;
    const cell = stage * fleet.engines.length + engine;
    if (level !== 0 && level !== links.cached[cell]) return times[stage]!.wholeUs(engine, level);
    const at = 2 * cell + (level === 0 ? 0 : 1);
    const us = this.#knownUs[at]!;
    return us === us ? us : (this.#knownUs[at] = times[stage]!.wholeUs(engine, level));
  }

  /** When the model would be there and the stage could begin. */
  #loadedUs(stage: number, engine: number, placeUs: number): number {
    const { fleet, modelOf, engines } = this.scene;
    const model = modelOf[stage]!;
    const freedUs = this.freeUs[engine]!;
    const loadUs = this.#isResident(engine, model)
      ? 0
      : fleet.loadUs[engine * fleet.models + model]! * engines.slowFactor[engine]!;
    return this.#loadsAhead ? Math.max(freedUs + loadUs, placeUs) : Math.max(freedUs, placeUs) + loadUs;
  }

  #isResident(engine: number, model: number): boolean {
    const from = engine * this.scene.engines.span;
    for (let at = from + this.#held[engine]! - 1; at >= from; at--) if (this.#residents[at] === model) return true;
    return false;
  }

  #wouldFetch(stage: number, to: number, startUs: number): number {
    const { parentStarts, parents, parentBytes, hasOutput, fleet } = this.scene;
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
