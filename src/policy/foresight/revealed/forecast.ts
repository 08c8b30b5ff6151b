/**
 * Carries a plan out on a copy of the fleet, event by event, and says what it costs: how long calls wait and run, those that are
 * likely to come included, what is spent on loads, and what it takes to bring in the models that are not held in the end.
 *
 * A plan says which engines are to turn to which model now, and until when models are to wait for a turn. Everything else goes by a
 * rule: a call begins where its model is held and there is room, first come, first served; what finds none waits, until the waits
 * of a model's calls add up to what it takes to turn an engine to it. An engine that is to turn takes up nothing else.
 */

import { Batches } from "./batches.ts";
import type { Begun, RevealedPlan } from "./plan.ts";
import { Residents } from "./residents.ts";
import type { Calls, Fleet, Scene } from "./scene.ts";
import type { RevealedSettings } from "./settings.ts";

const none = -1;
/** A visit is what a step of a call takes where there are no more engines, and that of an engine where there are no more calls. */
const usualEngines = 16;
const usualCalls = 16;
/** A call is of middling length if it takes so many times what those that run have left on average. Swept. */
const middlingTurns = 4;
/** Of an engine that ends as soon, less is lost where less else could be held: so small that it decides among equals only. */
const trifle = 1e-3;
/** A call waits for a better engine if it ends there in this part of the time at most: when that has room is only nearly known. */
const waitingGain = 0.5;
/** What a load costs, as parts of its time, that leaves every model an engine. */
const spareLoadTime = 6;

export class Forecast {
  readonly #fleet: Fleet;
  readonly #settings: RevealedSettings;
  readonly #engines: number;
  readonly #nowUs: number;
  readonly #residents: Residents;
  readonly #batches: Batches;
  /** By engine: the model that it is to turn to. */
  readonly #turn: Int32Array;
  #visits = 0;
  /** Of the forecast under way. */
  #calls: Calls;
  #plan: RevealedPlan = { turns: [], holdUntilUs: [] };
  #cost = 0;
  #waiting: number[] = [];
  /** By call: Infinity before it is known, -1 once it has begun. */
  #readyUs: Float64Array = new Float64Array(0);
  #againUs = Infinity;
  #begins: { call: number; engine: number }[] = [];
  #loads: { engine: number; model: number; victims: number[] }[] = [];
  /** By engine: how many that wait are to begin there before others. */
  readonly #promised: Int32Array;
  #late = new Set<number>();

  constructor({ fleet, now, nowUs }: Scene, settings: RevealedSettings) {
    this.#fleet = fleet;
    this.#settings = settings;
    this.#nowUs = nowUs;
    this.#engines = fleet.held.length;
    this.#calls = now;
    this.#residents = new Residents(fleet);
    this.#batches = new Batches(fleet, nowUs);
    this.#turn = new Int32Array(this.#engines);
    this.#promised = new Int32Array(this.#engines);
  }

  /** Calls looked at so far, one by one at every step: of larger fleets each takes longer, and counts as more. */
  get visits(): number {
    return this.#visits;
  }

  /** What the plan begins at once. */
  begin(plan: RevealedPlan, calls: Calls): Begun {
    this.#reset(plan, calls);
    this.#dispatch(this.#nowUs);
    const waiting = [...new Set(this.#waiting.map((call) => calls.model[call] ?? 0))];
    const turning = waiting.filter((model) => this.#isComing(model, this.#nowUs));
    return {
      begins: this.#begins,
      loads: this.#loads,
      waiting,
      turning,
      late: [...this.#late],
      againUs: this.#againUs,
    };
  }

  /** Infinity as soon as it is seen to be more than `mostUs`, or there is no more time to find out. */
  cost(plan: RevealedPlan, calls: Calls, mostUs: number, isDue?: () => boolean): number {
    this.#reset(plan, calls);
    let atUs = this.#nowUs;
    // Every step begins or ends something, or finds that something has waited long enough.
    const mostSteps = this.#mostSteps(calls);
    for (let step = 0; step < mostSteps; step++) {
      this.#visits += this.#visitsOf(calls);
      this.#dispatch(atUs);
      if (this.#cost > mostUs || isDue?.() === true) return Infinity;
      const nextUs = this.#nextUs(atUs);
      if (nextUs === Infinity) break;
      atUs = nextUs;
      this.#advance(atUs);
    }
    const endUs = Math.max(atUs, this.#nowUs + neverUs);
    for (const call of this.#waiting) this.#cost += this.#waitCost(endUs - (this.#readyUs[call] ?? 0));
    return this.#cost + this.#settings.missing * this.#residents.missingUs(this.#isWaitedFor);
  }

  #mostSteps({ count }: Calls): number {
    const running = this.#fleet.running.reduce((sum, own) => sum + own.length, 0);
    return 4 * count + running + 64;
  }

  /** Of a step. On a large fleet that is all engines, however few the calls. */
  #visitsOf({ count }: Calls): number {
    return this.#engines <= usualEngines ? count : (Math.max(count, usualCalls) * this.#engines) / usualEngines;
  }

  #reset(plan: RevealedPlan, calls: Calls): void {
    this.#plan = plan;
    this.#calls = calls;
    this.#cost = 0;
    this.#begins = [];
    this.#loads = [];
    this.#late = new Set();
    this.#residents.reset();
    this.#batches.reset();
    this.#turn.fill(none);
    for (const { engine, model } of plan.turns) this.#turn[engine] = model;
    this.#readyUs = new Float64Array(calls.count).fill(Infinity);
    this.#waiting = [];
    for (let call = 0; call < calls.count; call++) {
      if ((calls.parent[call] ?? none) !== none) continue;
      this.#readyUs[call] = calls.readyUs[call] ?? 0;
      if ((this.#readyUs[call] ?? 0) <= this.#nowUs) this.#waiting.push(call);
    }
  }

  /** When something ends, is loaded, becomes ready, or has waited long enough. */
  #nextUs(atUs: number): number {
    let nextUs = Math.min(this.#againUs > atUs ? this.#againUs : Infinity, this.#batches.nextUs(atUs));
    for (const readyUs of this.#readyUs) if (readyUs > atUs && readyUs < nextUs) nextUs = readyUs;
    return nextUs;
  }

  #advance(atUs: number): void {
    const { parent, readyUs: afterUs, count } = this.#calls;
    this.#batches.advance(atUs, (ended) => {
      for (let call = ended + 1; call < count; call++)
        // One microsecond later at least, so that it is seen to become ready.
        if (parent[call] === ended) this.#readyUs[call] = atUs + Math.max(1, Math.round(afterUs[call] ?? 0));
    });
    for (let call = 0; call < count; call++) if (this.#readyUs[call] === atUs) this.#waiting.push(call);
  }

  #dispatch(atUs: number): void {
    this.#againUs = Infinity;
    this.#beginAll(atUs);
    if (this.#waiting.length > 0) this.#turnEngines(atUs);
    let isFree = false;
    for (let engine = 0; engine < this.#engines; engine++) {
      const model = this.#turn[engine] ?? none;
      if (model === none || this.#batches.count(engine) > 0 || this.#batches.isLoading(engine, atUs)) continue;
      this.#turn[engine] = none;
      if (this.#residents.isHeld(engine, model)) isFree = true;
      else this.#load(engine, model, atUs);
    }
    if (isFree) this.#beginAll(atUs);
  }

  #beginAll(atUs: number): void {
    if (this.#waiting.length === 0) return;
    const middlingUs = middlingTurns * this.#batches.meanLeftUs(atUs);
    let kept = 0;
    this.#promised.fill(0);
    for (const call of this.#waiting) {
      const engine = this.#pickEngine(call, middlingUs, atUs);
      if (engine === none) this.#waiting[kept++] = call;
      else this.#begin(call, engine, atUs);
    }
    this.#waiting.length = kept;
  }

  /**
   * Of the engines that can begin it at once, the one on which it ends first, what its prompt costs those beside it included: all of
   * that for a call as long as theirs, less for a short one, to which the same delay is more.
   */
  #pickEngine(call: number, middlingUs: number, atUs: number): number {
    const model = this.#calls.model[call] ?? 0;
    let leastUs = Infinity;
    for (let engine = 0; engine < this.#engines; engine++)
      if (this.#canBegin(call, model, engine, atUs))
        leastUs = Math.min(leastUs, this.#batches.endUs(this.#calls, call, engine, atUs) - atUs);
    if (this.#waitsFor(call, model, leastUs, atUs)) return none;
    const weight = leastUs < middlingUs ? leastUs / middlingUs : 1;
    let best = none;
    let bestUs = Infinity;
    for (let engine = 0; engine < this.#engines; engine++) {
      if (!this.#canBegin(call, model, engine, atUs)) continue;
      const besideUs = this.#batches.count(engine) * (this.#calls.prefillUs[call * this.#engines + engine] ?? 0);
      const us = this.#batches.endUs(this.#calls, call, engine, atUs) + weight * besideUs;
      if (us < bestUs) [best, bestUs] = [engine, us];
    }
    return best;
  }

  /** It would end much sooner on an engine that cannot begin it yet, but holds its model or is to hold it. */
  #waitsFor(call: number, model: number, leastUs: number, atUs: number): boolean {
    if (leastUs === Infinity) return true;
    let best = none;
    let soonestUs = waitingGain * leastUs;
    for (let engine = 0; engine < this.#engines; engine++) {
      if (this.#batches.aloneEndUs(this.#calls, call, engine, 0, 0) >= soonestUs) continue;
      const us = this.#laterUs(call, model, engine, atUs);
      if (us < soonestUs) [best, soonestUs] = [engine, us];
    }
    if (best === none) return false;
    this.#promised[best]! += 1;
    return true;
  }

  #laterUs(call: number, model: number, engine: number, atUs: number): number {
    if (this.#calls.prefillUs[call * this.#engines + engine] === Infinity) return Infinity;
    if (this.#canBegin(call, model, engine, atUs)) return Infinity;
    const turn = this.#turn[engine] ?? none;
    if (turn !== none && turn !== model) return Infinity;
    const ahead = this.#promised[engine]!;
    let fromUs: number;
    if (this.#batches.isLoading(engine, atUs)) {
      if (this.#residents.latest(engine) !== model) return Infinity;
      fromUs = this.#batches.loadedUs(engine);
    } else if (turn === model) {
      const loadUs = this.#residents.isHeld(engine, model) ? 0 : this.#residents.loadUs(engine, model);
      fromUs = atUs + this.#batches.drainUs(engine, atUs) + loadUs;
    } else {
      if (!this.#batches.runs(engine, model)) return Infinity;
      const us = this.#batches.endOf(engine, ahead);
      return us === Infinity ? Infinity : this.#batches.endUs(this.#calls, call, engine, Math.max(atUs, us)) - atUs;
    }
    if (ahead >= (this.#fleet.places[engine] ?? 1)) return Infinity;
    return this.#batches.aloneEndUs(this.#calls, call, engine, fromUs, ahead) - atUs;
  }

  #canBegin(call: number, model: number, engine: number, atUs: number): boolean {
    if (this.#calls.prefillUs[call * this.#engines + engine] === Infinity) return false;
    if (this.#batches.isLoading(engine, atUs) || !this.#residents.isHeld(engine, model)) return false;
    const turn = this.#turn[engine] ?? none;
    if (turn !== none && turn !== model) return false;
    return this.#batches.hasRoom(engine, model, this.#calls.kvTokens[call] ?? 0);
  }

  #begin(call: number, engine: number, atUs: number): void {
    const model = this.#calls.model[call] ?? 0;
    if (atUs === this.#nowUs && !this.#late.has(model) && this.#isLate(call, model, engine, atUs))
      this.#late.add(model);
    this.#cost += this.#waitCost(atUs - (this.#readyUs[call] ?? 0));
    this.#cost += this.#batches.begin(this.#calls, call, engine, atUs);
    if (this.#turn[engine] === model) this.#turn[engine] = none;
    this.#readyUs[call] = none;
    this.#residents.use(engine, model);
    if (atUs === this.#nowUs) this.#begins.push({ call, engine });
  }

  /** An idle engine that does not hold its model would end it sooner, a load included. */
  #isLate(call: number, model: number, engine: number, atUs: number): boolean {
    const endUs = this.#batches.endUs(this.#calls, call, engine, atUs);
    for (let other = 0; other < this.#engines; other++) {
      if (this.#batches.count(other) > 0 || this.#batches.isLoading(other, atUs)) continue;
      if (this.#turn[other] !== none || this.#residents.isHeld(other, model)) continue;
      if (this.#calls.prefillUs[call * this.#engines + other] === Infinity) continue;
      const fromUs = atUs + this.#residents.loadUs(other, model);
      if (this.#batches.aloneEndUs(this.#calls, call, other, fromUs, 0) < endUs) return true;
    }
    return false;
  }

  #waitCost(us: number): number {
    return us + (us * us) / this.#settings.patienceUs;
  }

  /** Models whose calls have waited long enough are given an engine. */
  #turnEngines(atUs: number): void {
    const seen = new Set<number>();
    for (const first of this.#waiting) {
      const model = this.#calls.model[first] ?? 0;
      if (seen.has(model)) continue;
      seen.add(model);
      if (this.#isComing(model, atUs)) continue;
      const holdUs = this.#plan.holdUntilUs[model] ?? 0;
      if (holdUs > atUs) this.#againUs = Math.min(this.#againUs, holdUs);
      else this.#turnOne(first, model, atUs);
    }
  }

  #turnOne(first: number, model: number, atUs: number): void {
    let best = none;
    let priceUs = Infinity;
    for (let engine = 0; engine < this.#engines; engine++) {
      const us = this.#turnPriceUs(first, model, engine, atUs);
      if (us < priceUs) [best, priceUs] = [engine, us];
    }
    if (best === none) return;
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

  /** Some engine is to turn to the model, or loads it. */
  #isComing(model: number, atUs: number): boolean {
    for (let engine = 0; engine < this.#engines; engine++) {
      if (this.#turn[engine] === model) return true;
      if (this.#batches.isLoading(engine, atUs) && this.#residents.latest(engine) === model) return true;
    }
    return false;
  }

  /** To end what runs, and where the model is not held there, to load it if others hold it, and to bring back what makes way. */
  #turnPriceUs(call: number, model: number, engine: number, atUs: number): number {
    if (this.#turn[engine] !== none || this.#fleet.open[engine] === 0) return Infinity;
    if (this.#batches.isLoading(engine, atUs)) return Infinity;
    if (this.#calls.prefillUs[call * this.#engines + engine] === Infinity) return Infinity;
    if (this.#batches.runs(engine, model)) return Infinity;
    const drainUs = this.#batches.drainUs(engine, atUs);
    if (this.#residents.isHeld(engine, model)) return drainUs;
    const victims = this.#residents.victimsOf(engine, model, this.#isWaitedFor);
    if (victims === undefined) return Infinity;
    let lostUs = 0;
    for (const victim of victims) lostUs += this.#residents.lostUs(victim, engine);
    const loadUs = this.#residents.loadUs(engine, model);
    // One that nobody holds must be loaded anyhow.
    const copyUs = this.#residents.isAnywhere(model)
      ? this.#loadPrice(engine, victims) * loadUs
      : trifle * (loadUs + this.#residents.roomUs(engine, model));
    return drainUs + copyUs + this.#settings.missing * lostUs;
  }

  /** Of a load that leaves no model without an engine, and after which none is missing, only its own time is lost. */
  #loadPrice(engine: number, victims: readonly number[]): number {
    const spare = this.#residents.hasAll() && victims.every((victim) => this.#residents.isAnywhere(victim, engine));
    return spare ? spareLoadTime : this.#settings.loadTime;
  }

  readonly #isWaitedFor = (model: number): boolean => {
    for (const call of this.#waiting) if (this.#calls.model[call] === model) return true;
    return false;
  };

  #load(engine: number, model: number, atUs: number): void {
    const victims = this.#residents.victimsOf(engine, model, this.#isWaitedFor);
    if (victims === undefined) return;
    const loadUs = this.#residents.loadUs(engine, model);
    this.#cost += this.#loadPrice(engine, victims) * loadUs;
    this.#residents.replace(engine, victims, model);
    this.#batches.load(engine, atUs + Math.max(1, loadUs));
    if (atUs === this.#nowUs) this.#loads.push({ engine, model, victims });
  }
}

/** What cannot begin in the forecast waits for so long, however soon all else is over. */
const neverUs = 600_000_000;
