/**
 * Carries a plan out on a copy of the fleet, event by event, and says what it costs: how long calls wait and run, those that are
 * likely to come included, what is spent on loads, and what the models held in the end make others load.
 *
 * A plan says which engines are to turn to which model now, and until when models are to wait for a turn. Everything else goes by a
 * rule: a call begins where its model is held and there is room, first come, first served; what finds none waits, until the waits
 * of a model's calls add up to what it takes to turn an engine to it. An engine that is to turn takes up nothing else.
 */

import type { Calls, Fleet, Scene } from "./scene.ts";
import type { RevealedSettings } from "./settings.ts";

export type RevealedPlan = {
  readonly turns: readonly Turn[];
  /** By model. */
  readonly holdUntilUs: readonly number[];
};

export type Turn = { readonly engine: number; readonly model: number };

/** What is to be done now. */
export type Begun = {
  readonly begins: readonly { readonly call: number; readonly engine: number }[];
  readonly loads: readonly { readonly engine: number; readonly model: number; readonly victims: readonly number[] }[];
  /** Models whose calls wait. */
  readonly waiting: readonly number[];
  /** Of these, the ones to which an engine turns. */
  readonly turning: readonly number[];
  /** When the rule would do more, if nothing happens before. */
  readonly againUs: number;
};

const none = -1;

export class Forecast {
  readonly #fleet: Fleet;
  readonly #settings: RevealedSettings;
  readonly #models: number;
  readonly #engines: number;
  readonly #nowUs: number;
  readonly #span: number;
  /** Models that are known before others, and of these what takes longest to load. */
  readonly #largestFirst: readonly number[];
  /** Of the forecast under way. */
  #calls: Calls;
  #plan: RevealedPlan = { turns: [], holdUntilUs: [] };
  #cost = 0;
  #visits = 0;
  readonly #held: number[][] = [];
  readonly #loadEndUs: Float64Array;
  readonly #turn: Int32Array;
  readonly #count: Int32Array;
  readonly #model: Int32Array;
  readonly #kvUsed: Float64Array;
  readonly #prefilledUs: Float64Array;
  readonly #endUs: Float64Array;
  readonly #endKv: Float64Array;
  readonly #endCall: Int32Array;
  #waiting: number[] = [];
  #readyUs: Float64Array = new Float64Array(0);
  #againUs = Infinity;
  #begins: { call: number; engine: number }[] = [];
  #loads: { engine: number; model: number; victims: number[] }[] = [];

  constructor({ fleet, futures, nowUs, models, engines }: Scene, settings: RevealedSettings) {
    this.#fleet = fleet;
    this.#settings = settings;
    this.#nowUs = nowUs;
    this.#models = models.length;
    this.#engines = engines.length;
    this.#calls = futures[0] as Calls;
    this.#span = Math.max(1, ...fleet.places, ...fleet.running.map(({ length }) => length));
    this.#largestFirst = Array.from(models.keys()).sort(
      (left, right) =>
        (fleet.known[right] ?? 0) - (fleet.known[left] ?? 0) ||
        (fleet.reloadUs[right] ?? 0) - (fleet.reloadUs[left] ?? 0),
    );
    this.#loadEndUs = new Float64Array(this.#engines);
    this.#turn = new Int32Array(this.#engines);
    this.#count = new Int32Array(this.#engines);
    this.#model = new Int32Array(this.#engines);
    this.#kvUsed = new Float64Array(this.#engines);
    this.#prefilledUs = new Float64Array(this.#engines);
    this.#endUs = new Float64Array(this.#engines * this.#span);
    this.#endKv = new Float64Array(this.#engines * this.#span);
    this.#endCall = new Int32Array(this.#engines * this.#span);
  }

  /** Calls looked at so far, one by one at every step. */
  get visits(): number {
    return this.#visits;
  }

  /** What the plan begins at once. */
  begin(plan: RevealedPlan, calls: Calls): Begun {
    this.#reset(plan, calls);
    this.#dispatch(this.#nowUs);
    const waiting = [...new Set(this.#waiting.map((call) => calls.model[call] ?? 0))];
    const turning = waiting.filter((model) => this.#isComing(model, this.#nowUs));
    return { begins: this.#begins, loads: this.#loads, waiting, turning, againUs: this.#againUs };
  }

  /** Infinity as soon as it is seen to be more than `mostUs`. */
  cost(plan: RevealedPlan, calls: Calls, mostUs: number): number {
    this.#reset(plan, calls);
    let atUs = this.#nowUs;
    for (let step = 0; step < 4 * calls.count + 64; step++) {
      this.#visits += calls.count;
      this.#dispatch(atUs);
      if (this.#cost > mostUs) return Infinity;
      const nextUs = this.#nextUs(atUs);
      if (nextUs === Infinity) break;
      atUs = nextUs;
      this.#advance(atUs);
    }
    for (const call of this.#waiting) this.#cost += this.#waitCost(atUs + neverUs - (this.#readyUs[call] ?? 0));
    return this.#cost + this.#settings.missing * this.#missingUs();
  }

  #reset(plan: RevealedPlan, calls: Calls): void {
    const { held, running, loadEndUs } = this.#fleet;
    this.#plan = plan;
    this.#calls = calls;
    this.#cost = 0;
    this.#begins = [];
    this.#loads = [];
    this.#loadEndUs.set(loadEndUs);
    this.#turn.fill(none);
    this.#count.fill(0);
    this.#model.fill(none);
    this.#kvUsed.fill(0);
    this.#prefilledUs.fill(this.#nowUs);
    for (let engine = 0; engine < this.#engines; engine++) {
      this.#held[engine] = [...(held[engine] ?? [])];
      for (const { model, endUs, kvTokens } of running[engine] ?? []) {
        this.#model[engine] = model;
        this.#hold(engine, endUs, kvTokens, none);
      }
    }
    for (const { engine, model } of plan.turns) this.#turn[engine] = model;
    this.#readyUs = new Float64Array(calls.count).fill(Infinity);
    this.#waiting = [];
    for (let call = 0; call < calls.count; call++) {
      if ((calls.parent[call] ?? none) !== none) continue;
      this.#readyUs[call] = calls.readyUs[call] ?? 0;
      if ((this.#readyUs[call] ?? 0) <= this.#nowUs) this.#waiting.push(call);
    }
  }

  #hold(engine: number, endUs: number, kvTokens: number, call: number): void {
    const at = engine * this.#span + (this.#count[engine] ?? 0);
    this.#endUs[at] = endUs;
    this.#endKv[at] = kvTokens;
    this.#endCall[at] = call;
    this.#count[engine] = 1 + (this.#count[engine] ?? 0);
    this.#kvUsed[engine] = kvTokens + (this.#kvUsed[engine] ?? 0);
  }

  /** When something ends, is loaded, becomes ready, or has waited long enough. */
  #nextUs(atUs: number): number {
    let nextUs = this.#againUs > atUs ? this.#againUs : Infinity;
    for (let engine = 0; engine < this.#engines; engine++) {
      const loadEndUs = this.#loadEndUs[engine] ?? 0;
      if (loadEndUs > atUs) nextUs = Math.min(nextUs, loadEndUs);
      const from = engine * this.#span;
      for (let at = from; at < from + (this.#count[engine] ?? 0); at++) nextUs = Math.min(nextUs, this.#endUs[at] ?? 0);
    }
    for (let call = 0; call < this.#calls.count; call++) {
      const readyUs = this.#readyUs[call] ?? 0;
      if (readyUs > atUs && readyUs < nextUs) nextUs = readyUs;
    }
    return nextUs;
  }

  #advance(atUs: number): void {
    for (let engine = 0; engine < this.#engines; engine++) {
      const from = engine * this.#span;
      let kept = 0;
      for (let place = 0; place < (this.#count[engine] ?? 0); place++) {
        const at = from + place;
        if ((this.#endUs[at] ?? 0) > atUs) {
          this.#endUs[from + kept] = this.#endUs[at] ?? 0;
          this.#endKv[from + kept] = this.#endKv[at] ?? 0;
          this.#endCall[from + kept] = this.#endCall[at] ?? 0;
          kept += 1;
          continue;
        }
        this.#kvUsed[engine] = (this.#kvUsed[engine] ?? 0) - (this.#endKv[at] ?? 0);
        const call = this.#endCall[at] ?? none;
        if (call !== none) this.#release(call, atUs);
      }
      this.#count[engine] = kept;
      if (kept === 0 && (this.#loadEndUs[engine] ?? 0) <= atUs) this.#model[engine] = none;
      if ((this.#loadEndUs[engine] ?? 0) <= atUs) this.#loadEndUs[engine] = 0;
    }
    for (let call = 0; call < this.#calls.count; call++) if (this.#readyUs[call] === atUs) this.#waiting.push(call);
  }

  /** Those that wait for it are ready a while later. */
  #release(parent: number, atUs: number): void {
    for (let call = parent + 1; call < this.#calls.count; call++)
      if (this.#calls.parent[call] === parent)
        // One microsecond at least, so that it is seen to become ready.
        this.#readyUs[call] = atUs + Math.max(1, Math.round(this.#calls.readyUs[call] ?? 0));
  }

  #dispatch(atUs: number): void {
    this.#againUs = Infinity;
    this.#beginAll(atUs);
    if (this.#waiting.length > 0) this.#turnEngines(atUs);
    let loaded = false;
    for (let engine = 0; engine < this.#engines; engine++) {
      const model = this.#turn[engine] ?? none;
      if (model === none || (this.#count[engine] ?? 0) > 0 || (this.#loadEndUs[engine] ?? 0) > atUs) continue;
      this.#turn[engine] = none;
      if (this.#isHeld(engine, model)) loaded = true;
      else this.#load(engine, model, atUs);
    }
    if (loaded) this.#beginAll(atUs);
  }

  #beginAll(atUs: number): void {
    let kept = 0;
    for (const call of this.#waiting) {
      const engine = this.#pickEngine(call, atUs);
      if (engine === none) this.#waiting[kept++] = call;
      else this.#take(call, engine, atUs);
    }
    this.#waiting.length = kept;
  }

  #isHeld(engine: number, model: number): boolean {
    return this.#held[engine]?.includes(model) === true;
  }

  /** Of the engines that can begin it at once, the one on which it ends first. */
  #pickEngine(call: number, atUs: number): number {
    const model = this.#calls.model[call] ?? 0;
    let best = none;
    let bestUs = Infinity;
    for (let engine = 0; engine < this.#engines; engine++) {
      if (!this.#canBegin(call, model, engine, atUs)) continue;
      const cell = call * this.#engines + engine;
      const us = this.#calls.prefillUs[cell] ?? 0;
      const endUs =
        Math.max(atUs, this.#prefilledUs[engine] ?? 0) +
        us * (1 + (this.#count[engine] ?? 0)) +
        this.#decodeUs(cell, engine);
      if (endUs < bestUs) {
        best = engine;
        bestUs = endUs;
      }
    }
    return best;
  }

  #canBegin(call: number, model: number, engine: number, atUs: number): boolean {
    if (this.#calls.prefillUs[call * this.#engines + engine] === Infinity) return false;
    if ((this.#loadEndUs[engine] ?? 0) > atUs || !this.#isHeld(engine, model)) return false;
    const turn = this.#turn[engine] ?? none;
    if (turn !== none && turn !== model) return false;
    const count = this.#count[engine] ?? 0;
    if (count === 0) return true;
    if (this.#model[engine] !== model || count >= (this.#fleet.places[engine] ?? 1)) return false;
    const capacity = this.#fleet.kvTokens[engine * this.#models + model] ?? 0;
    return (this.#kvUsed[engine] ?? 0) + (this.#calls.kvTokens[call] ?? 0) <= capacity;
  }

  #decodeUs(cell: number, engine: number): number {
    return (this.#calls.decodeUs[cell] ?? 0) + (this.#count[engine] ?? 0) * (this.#calls.besideUs[cell] ?? 0);
  }

  #take(call: number, engine: number, atUs: number): void {
    const cell = call * this.#engines + engine;
    const prefillUs = this.#calls.prefillUs[cell] ?? 0;
    const prefilledUs = Math.max(atUs, this.#prefilledUs[engine] ?? 0) + prefillUs;
    const endUs = Math.max(atUs + 1, Math.round(prefilledUs + this.#decodeUs(cell, engine)));
    const model = this.#calls.model[call] ?? 0;
    const waitedUs = atUs - (this.#readyUs[call] ?? 0);
    const count = this.#count[engine] ?? 0;
    // Those beside it wait for its prompt.
    const from = engine * this.#span;
    for (let at = from; at < from + count; at++) this.#endUs[at] = Math.round((this.#endUs[at] ?? 0) + prefillUs);
    this.#cost += this.#waitCost(waitedUs) + (endUs - atUs) + count * prefillUs;
    this.#prefilledUs[engine] = prefilledUs;
    this.#model[engine] = model;
    if (this.#turn[engine] === model) this.#turn[engine] = none;
    this.#readyUs[call] = none;
    this.#hold(engine, endUs, this.#calls.kvTokens[call] ?? 0, call);
    const held = this.#held[engine] ?? [];
    if (held.at(-1) !== model) {
      held.splice(held.indexOf(model), 1);
      held.push(model);
    }
    if (atUs === this.#nowUs) this.#begins.push({ call, engine });
  }

  #waitCost(us: number): number {
    return us + (us * us) / this.#settings.patienceUs;
  }

  /** Models whose calls have waited long enough are given an engine. */
  #turnEngines(atUs: number): void {
    const done = new Set<number>();
    for (const first of this.#waiting) {
      const model = this.#calls.model[first] ?? 0;
      if (done.has(model)) continue;
      done.add(model);
      if (this.#isComing(model, atUs)) continue;
      const holdUs = this.#plan.holdUntilUs[model] ?? 0;
      if (holdUs > atUs) {
        this.#againUs = Math.min(this.#againUs, holdUs);
        continue;
      }
      let best = none;
      let priceUs = Infinity;
      for (let engine = 0; engine < this.#engines; engine++) {
        const us = this.#turnPriceUs(first, model, engine, atUs);
        if (us < priceUs) [best, priceUs] = [engine, us];
      }
      if (best === none) continue;
      let waitsUs = 0;
      let count = 0;
      for (const call of this.#waiting) {
        if (this.#calls.model[call] !== model) continue;
        waitsUs += atUs - (this.#readyUs[call] ?? 0);
        count += 1;
      }
      const leftUs = this.#settings.rent * priceUs - waitsUs;
      if (leftUs <= 0) this.#turn[best] = model;
      else this.#againUs = Math.min(this.#againUs, Math.ceil(atUs + leftUs / count) + 1);
    }
  }

  /** Some engine is to turn to the model, or loads it. */
  #isComing(model: number, atUs: number): boolean {
    for (let engine = 0; engine < this.#engines; engine++) {
      if (this.#turn[engine] === model) return true;
      if ((this.#loadEndUs[engine] ?? 0) > atUs && this.#held[engine]?.at(-1) === model) return true;
    }
    return false;
  }

  /** To end what runs, and where that is not held there, to load what is not elsewhere, and to bring back what makes way. */
  #turnPriceUs(call: number, model: number, engine: number, atUs: number): number {
    if (this.#turn[engine] !== none || this.#fleet.open[engine] === 0) return Infinity;
    if ((this.#loadEndUs[engine] ?? 0) > atUs || this.#calls.prefillUs[call * this.#engines + engine] === Infinity)
      return Infinity;
    const count = this.#count[engine] ?? 0;
    if (count > 0 && this.#model[engine] === model) return Infinity;
    let drainUs = 0;
    const from = engine * this.#span;
    for (let at = from; at < from + count; at++) drainUs = Math.max(drainUs, (this.#endUs[at] ?? 0) - atUs);
    if (this.#isHeld(engine, model)) return drainUs;
    const victims = this.#victimsOf(engine, model);
    if (victims === undefined) return Infinity;
    let lostUs = 0;
    for (const victim of victims) lostUs += this.#lostUs(victim, engine);
    const loadUs = this.#fleet.loadUs[engine * this.#models + model] ?? 0;
    const again = this.#isAnywhere(model, none) ? this.#settings.loadTime * loadUs : 0;
    return (
      drainUs +
      again +
      this.#settings.missing * lostUs +
      (again > 0 ? 0 : 1e-3 * (loadUs + this.#roomUs(engine, model)))
    );
  }

  /** Among engines that cost the same, the one on which the model is in the way of the least. */
  #roomUs(engine: number, model: number): number {
    let us = 0;
    for (let other = 0; other < this.#models; other++)
      if (other !== model && (this.#fleet.bytes[engine * this.#models + other] ?? 0) > 0)
        us += (this.#fleet.reloadUs[other] ?? 0) * (this.#fleet.wanted[other] ?? 0);
    return us;
  }

  #isAnywhere(model: number, except: number): boolean {
    for (let engine = 0; engine < this.#engines; engine++)
      if (engine !== except && this.#isHeld(engine, model)) return true;
    return false;
  }

  /** To load it again, as far as it is wanted; nothing if it is held elsewhere. */
  #lostUs(model: number, engine: number): number {
    if (this.#isAnywhere(model, engine)) return 0;
    return (this.#fleet.reloadUs[model] ?? 0) * (this.#fleet.wanted[model] ?? 0);
  }

  /** Who makes way: those that cost the least to bring back, of equals the least recently used, and nobody in vain. */
  #victimsOf(engine: number, model: number): number[] | undefined {
    const { bytes, memoryBytes, mostModels } = this.#fleet;
    const held = this.#held[engine] ?? [];
    const bytesOf = (each: number): number => bytes[engine * this.#models + each] ?? 0;
    let freeBytes = (memoryBytes[engine] ?? 0) - bytesOf(model);
    for (const each of held) freeBytes -= bytesOf(each);
    let places = (mostModels[engine] ?? 1) - held.length - 1;
    if (freeBytes >= 0 && places >= 0) return [];
    const order = held
      .map((each, age) => ({ each, age, us: this.#lostUs(each, engine) + (this.#isWaitedFor(each) ? 1e12 : 0) }))
      .sort((left, right) => left.us - right.us || left.age - right.age);
    const victims: number[] = [];
    for (const { each } of order) {
      if (freeBytes >= 0 && places >= 0) break;
      victims.push(each);
      freeBytes += bytesOf(each);
      places += 1;
    }
    if (freeBytes < 0 || places < 0) return undefined;
    for (let at = 0; at < victims.length; at++) {
      const each = victims[at] ?? 0;
      if (freeBytes < bytesOf(each) || places < 1) continue;
      victims.splice(at--, 1);
      freeBytes -= bytesOf(each);
      places -= 1;
    }
    return victims;
  }

  #isWaitedFor(model: number): boolean {
    for (const call of this.#waiting) if (this.#calls.model[call] === model) return true;
    return false;
  }

  #load(engine: number, model: number, atUs: number): void {
    const victims = this.#victimsOf(engine, model);
    if (victims === undefined) return;
    const loadUs = this.#fleet.loadUs[engine * this.#models + model] ?? 0;
    this.#held[engine] = [...(this.#held[engine] ?? []).filter((each) => !victims.includes(each)), model];
    this.#loadEndUs[engine] = Math.round(atUs + Math.max(1, loadUs));
    this.#model[engine] = none;
    this.#cost += this.#settings.loadTime * loadUs;
    if (atUs === this.#nowUs) this.#loads.push({ engine, model, victims });
  }

  /** What it takes to bring in, one after another, the models that are not held in the end, with those that must make way for them. */
  #missingUs(): number {
    let totalUs = 0;
    for (const model of this.#largestFirst) {
      const wanted = this.#fleet.wanted[model] ?? 0;
      if (wanted === 0 || this.#isAnywhere(model, none)) continue;
      let best = none;
      let leastUs = Infinity;
      for (let engine = 0; engine < this.#engines; engine++) {
        const loadUs = this.#fleet.loadUs[engine * this.#models + model] ?? Infinity;
        if (loadUs >= leastUs) continue;
        let us = loadUs;
        for (const victim of this.#victimsOf(engine, model) ?? []) us += this.#lostUs(victim, engine);
        if (us < leastUs) [best, leastUs] = [engine, us];
      }
      if (best === none) continue;
      totalUs += wanted * leastUs;
      const victims = this.#victimsOf(best, model) ?? [];
      this.#held[best] = [...(this.#held[best] ?? []).filter((each) => !victims.includes(each)), model];
    }
    return totalUs;
  }
}

/** What cannot begin in the forecast waits for so long. */
const neverUs = 600_000_000;
