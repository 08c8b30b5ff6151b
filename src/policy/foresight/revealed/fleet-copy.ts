/**
 * A copy of the fleet on which a forecast carries a plan out: what its engines run and hold, and to which models they are to turn. An
 * engine that is to turn takes up nothing else; it has turned once it is empty, or once a call of the model begins there.
 */

import { Batches } from "./batches.ts";
import type { Calls } from "./calls.ts";
import type { Fleet } from "./fleet.ts";
import type { Turn } from "./plan.ts";
import { Residents } from "./residents.ts";

const none = -1;

export class FleetCopy {
  readonly fleet: Fleet;
  readonly engines: number;
  readonly batches: Batches;
  readonly residents: Residents;
  /** By engine: the model that it is to turn to. */
  readonly #turn: Int32Array;

  constructor(fleet: Fleet, nowUs: number) {
    this.fleet = fleet;
    this.engines = fleet.held.length;
    this.batches = new Batches(fleet, nowUs);
    this.residents = new Residents(fleet);
    this.#turn = new Int32Array(this.engines);
  }

  reset(turns: readonly Turn[]): void {
    this.batches.reset();
    this.residents.reset();
    this.#turn.fill(none);
    for (const { engine, model } of turns) this.#turn[engine] = model;
  }

  turn(engine: number, model: number): void {
    this.#turn[engine] = model;
  }

  endTurn(engine: number): void {
    this.#turn[engine] = none;
  }

  /** The model that it is to turn to; -1 if it is to go on. */
  turnOf(engine: number): number {
    return this.#turn[engine] ?? none;
  }

  /** It is to turn to another model. */
  turnsAway(engine: number, model: number): boolean {
    const turn = this.turnOf(engine);
    return turn !== none && turn !== model;
  }

  /** An engine is to turn to the model, or loads it. */
  isComing(model: number, atUs: number): boolean {
    for (let engine = 0; engine < this.engines; engine++)
      if (this.turnOf(engine) === model || this.isComingTo(engine, model, atUs)) return true;
    return false;
  }

  /** Places for calls of the model on such engines. */
  comingPlaces(model: number, atUs: number): number {
    let places = 0;
    for (let engine = 0; engine < this.engines; engine++)
      // Once it has turned, all are free; while it loads, calls are bound to it already.
      if (this.turnOf(engine) === model) places += this.fleet.places[engine] ?? 1;
      else if (this.isComingTo(engine, model, atUs)) places += this.batches.freePlaces(engine);
    return places;
  }

  /** The engine loads it. */
  isComingTo(engine: number, model: number, atUs: number): boolean {
    return this.batches.isLoading(engine, atUs) && this.residents.latest(engine) === model;
  }

  /** At any time. */
  mayGo(calls: Calls, call: number, engine: number): boolean {
    return calls.prefillUs[call * this.engines + engine] !== Infinity;
  }

  canBegin(calls: Calls, call: number, engine: number, atUs: number): boolean {
    const model = calls.model[call] ?? 0;
    if (!this.mayGo(calls, call, engine)) return false;
    if (this.batches.isLoading(engine, atUs) || !this.residents.isHeld(engine, model)) return false;
    return !this.turnsAway(engine, model) && this.batches.hasRoom(calls, call, engine);
  }

  /** Returns what it takes, and how much longer those beside it do. */
  begin(calls: Calls, call: number, engine: number, atUs: number): number {
    const model = calls.model[call] ?? 0;
    const us = this.batches.begin(calls, call, engine, atUs);
    if (this.turnOf(engine) === model) this.endTurn(engine);
    this.residents.use(engine, model);
    return us;
  }

  load(engine: number, victims: readonly number[], model: number, atUs: number): void {
    const loadUs = this.residents.loadUs(engine, model);
    this.residents.replace(engine, victims, model);
    this.batches.load(engine, atUs + Math.max(1, loadUs));
  }
}
