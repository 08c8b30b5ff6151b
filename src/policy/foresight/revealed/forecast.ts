/**
 * Carries a plan out on a copy of the fleet, event by event, and says what it costs: how long calls wait and run, those that are
 * likely to come included, what is spent on loads, and what it takes to bring in the models that are not held in the end.
 *
 * A plan says which engines are to turn to which model now, and until when models are to wait for a turn. Everything else goes by a
 * rule: a call begins where its model is held and there is room, in its turn (`response-ratio.ts`, `placing.ts`); what finds none waits, until the
 * waits of a model's calls add up to what it takes to turn an engine to it (`turning.ts`).
 */

import type { Calls } from "./calls.ts";
import { FleetCopy } from "./fleet-copy.ts";
import type { Fleet } from "./fleet.ts";
import { Placing } from "./placing.ts";
import type { Begun, RevealedPlan, Turn } from "./plan.ts";
import type { Scene } from "./scene.ts";
import type { RevealedSettings } from "./settings.ts";
import { Turning } from "./turning.ts";
import { Waiting } from "./waiting.ts";

const none = -1;
/** A visit is what a step of a call takes where there are no more engines, and that of an engine where there are no more calls. */
const usualEngines = 16;
const usualCalls = 16;
/** What cannot begin in the forecast waits for so long, however soon all else is over. */
const neverUs = 600_000_000;

export class Forecast {
  readonly #fleet: Fleet;
  readonly #settings: RevealedSettings;
  readonly #engines: number;
  readonly #nowUs: number;
  readonly #copy: FleetCopy;
  readonly #waiting: Waiting;
  readonly #placing: Placing;
  readonly #turning: Turning;
  #visits = 0;
  /** Of the forecast under way. */
  #plan: RevealedPlan = { turns: [], holdUntilUs: [] };
  #cost = 0;
  #againUs = Infinity;
  #begins: { call: number; engine: number }[] = [];
  #loads: { engine: number; model: number; victims: number[] }[] = [];
  #late: Turn[] = [];

  constructor({ fleet, now, nowUs, beyond }: Scene, settings: RevealedSettings) {
    this.#fleet = fleet;
    this.#settings = settings;
    this.#nowUs = nowUs;
    this.#engines = fleet.held.length;
    this.#copy = new FleetCopy(fleet, nowUs);
    this.#waiting = new Waiting(now);
    this.#placing = new Placing(this.#copy, now);
    this.#turning = new Turning(this.#copy, this.#waiting, beyond, nowUs, settings);
  }

  /** Calls looked at so far, one by one at every step: of larger fleets each takes longer, and counts as more. */
  get visits(): number {
    return this.#visits;
  }

  /** What the plan begins at once. */
  begin(plan: RevealedPlan, calls: Calls): Begun {
    this.#reset(plan, calls);
    this.#dispatch(this.#nowUs);
    const waiting = [...new Set(this.#waiting.inLine.map((call) => this.#waiting.modelOf(call)))];
    const turning = waiting.filter((model) => this.#copy.isComing(model, this.#nowUs));
    return {
      begins: this.#begins,
      loads: this.#loads,
      waiting,
      turning,
      late: this.#late,
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
    for (const call of this.#waiting.inLine) this.#cost += this.#waitCost(call, endUs);
    return this.#cost + this.#settings.missing * this.#copy.residents.missingUs(this.#waiting.isFor);
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
    this.#cost = 0;
    this.#begins = [];
    this.#loads = [];
    this.#late = [];
    this.#copy.reset(plan.turns);
    this.#waiting.reset(calls, this.#nowUs);
  }

  /** When something ends, is loaded, becomes ready, or has waited long enough. */
  #nextUs(atUs: number): number {
    const againUs = this.#againUs > atUs ? this.#againUs : Infinity;
    return Math.min(againUs, this.#copy.batches.nextUs(atUs), this.#waiting.nextUs(atUs));
  }

  #advance(atUs: number): void {
    this.#copy.batches.advance(atUs, (ended) => this.#waiting.end(ended, atUs));
    this.#waiting.advance(atUs);
  }

  /** Begins what can begin, turns engines, and has those that are empty load what they turn to. */
  #dispatch(atUs: number): void {
    this.#againUs = Infinity;
    this.#beginAll(atUs);
    if (this.#waiting.inLine.length > 0) this.#againUs = this.#turning.turnEngines(this.#plan.holdUntilUs, atUs);
    const { batches, residents } = this.#copy;
    let isFree = false;
    for (let engine = 0; engine < this.#engines; engine++) {
      const model = this.#copy.turnOf(engine);
      if (model === none || batches.count(engine) > 0 || batches.isLoading(engine, atUs)) continue;
      this.#copy.endTurn(engine);
      if (residents.isHeld(engine, model)) isFree = true;
      else this.#load(engine, model, atUs);
    }
    if (isFree) this.#beginAll(atUs);
  }

  #beginAll(atUs: number): void {
    if (this.#waiting.inLine.length === 0) return;
    this.#placing.startRound(this.#waiting.calls, atUs);
    this.#waiting.beginEach((call) => {
      const engine = this.#placing.pickEngine(call);
      if (engine === undefined) return false;
      const holdUs = this.#plan.holdUntilUs[this.#waiting.modelOf(call)] ?? 0;
      if (holdUs <= atUs && this.#turning.turnFor(call, this.#placing.endUs(engine), atUs)) return false;
      this.#begin(call, engine, atUs);
      return true;
    });
  }

  #begin(call: number, engine: number, atUs: number): void {
    if (atUs === this.#nowUs) this.#noteLate(call, engine);
    this.#cost += this.#waitCost(call, atUs);
    this.#cost += this.#copy.begin(this.#waiting.calls, call, engine, atUs);
    if (atUs === this.#nowUs) this.#begins.push({ call, engine });
  }

  #noteLate(call: number, here: number): void {
    const engine = this.#placing.soonerTurn(call, here);
    if (engine === undefined) return;
    const model = this.#waiting.modelOf(call);
    if (!this.#late.some((turn) => turn.engine === engine && turn.model === model)) this.#late.push({ engine, model });
  }

  #waitCost(call: number, atUs: number): number {
    const us = this.#waiting.waitUs(call, atUs);
    return us + (us * us) / this.#settings.patienceUs;
  }

  #load(engine: number, model: number, atUs: number): void {
    const { residents } = this.#copy;
    const victims = residents.victimsOf(engine, model, this.#waiting.isFor);
    if (victims === undefined) return;
    this.#cost += this.#turning.loadCost(engine, victims, model);
    this.#copy.load(engine, victims, model, atUs);
    if (atUs === this.#nowUs) this.#loads.push({ engine, model, victims });
  }
}
