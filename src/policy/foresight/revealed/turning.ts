/**
 * When an engine turns to a model whose calls wait: as soon as their waits add up to its price, the least that it takes on any engine,
 * as with a ski that is rented until the rent has come to its price. Calls for which places are on the way do not count. Where the plan
 * has the model wait, not before that is over.
 */

import type { FleetCopy } from "./fleet-copy.ts";
import type { RevealedSettings } from "./settings.ts";
import type { Waiting } from "./waiting.ts";

const none = -1;
/** Of an engine that ends as soon, less is lost where less else could be held: so small that it decides among equals only. */
const trifle = 1e-3;
/** What a load costs, as parts of its time, that leaves every model an engine. */
const spareLoadTime = 6;

export class Turning {
  readonly #copy: FleetCopy;
  readonly #waiting: Waiting;
  /** By model: calls that wait now beyond those that are looked at. */
  readonly #beyond: Int32Array;
  readonly #nowUs: number;
  readonly #settings: RevealedSettings;

  constructor(copy: FleetCopy, waiting: Waiting, beyond: Int32Array, nowUs: number, settings: RevealedSettings) {
    this.#copy = copy;
    this.#waiting = waiting;
    this.#beyond = beyond;
    this.#nowUs = nowUs;
    this.#settings = settings;
  }

  /** Gives models whose calls have waited long enough engines. Returns when the next one may have, if nothing happens before. */
  turnEngines(holdUntilUs: readonly number[], atUs: number): number {
    let againUs = Infinity;
    for (const first of this.#waiting.longestOfEach()) {
      const model = this.#waiting.modelOf(first);
      const holdUs = holdUntilUs[model] ?? 0;
      let nextUs = holdUs > atUs ? holdUs : this.#turnOne(first, model, atUs);
      while (nextUs === "turned") nextUs = this.#turnOne(first, model, atUs);
      againUs = Math.min(againUs, nextUs);
    }
    return againUs;
  }

  /** Turns an engine at once for a call that could begin elsewhere and ends then, if it gains more than that costs. */
  turnFor(call: number, endUs: number, atUs: number): boolean {
    const model = this.#waiting.modelOf(call);
    let best = none;
    let leastUs = endUs;
    for (let engine = 0; engine < this.#copy.engines; engine++) {
      if (this.#copy.residents.isHeld(engine, model)) continue;
      if (atUs + this.#settings.loadTime * this.#copy.residents.loadUs(engine, model) >= leastUs) continue;
      const us =
        this.#priceUs(call, model, engine, atUs) +
        this.#copy.batches.aloneEndUs(this.#waiting.calls, call, engine, atUs, 0);
      if (us < leastUs) [best, leastUs] = [engine, us];
    }
    if (best !== none) this.#copy.turn(best, model);
    return best !== none;
  }

  /** Turns an engine and says so, or returns when the calls will have waited long enough; Infinity if nothing is left to do. */
  #turnOne(first: number, model: number, atUs: number): number | "turned" {
    const [engine, priceUs] = this.#cheapest(first, model, atUs);
    if (engine === none) return Infinity;
    const { count, waitsUs } = this.#unserved(model, engine, atUs);
    if (count === 0) return Infinity;
    const leftUs = this.#settings.rent * priceUs - waitsUs;
    if (leftUs > 0) return Math.ceil(atUs + leftUs / count) + 1;
    this.#copy.turn(engine, model);
    return "turned";
  }

  /** The calls that find no place on engines which turn to their model already or load it, and how long they have waited together. */
  #unserved(model: number, engine: number, atUs: number): { readonly count: number; readonly waitsUs: number } {
    let places = this.#copy.comingPlaces(model, atUs);
    let count = 0;
    let waitsUs = 0;
    let all = 0;
    let allUs = 0;
    for (const call of this.#waiting.inLine) {
      if (this.#waiting.modelOf(call) !== model) continue;
      const us = this.#waiting.waitUs(call, atUs);
      all += 1;
      allUs += us;
      places -= this.#copy.batches.placesOf(this.#waiting.calls, call, engine);
      if (places >= 0) continue;
      count += 1;
      waitsUs += us;
    }
    // Those beyond the ones that are looked at have waited as long, on average.
    const beyond = atUs === this.#nowUs ? Math.max(0, this.#beyond[model]! - Math.max(0, places)) : 0;
    return { count: count + beyond, waitsUs: waitsUs + (beyond * allUs) / all };
  }

  /** The engine of the least price, of those where that is alike the fastest; and the price. */
  #cheapest(first: number, model: number, atUs: number): readonly [engine: number, priceUs: number] {
    const { batches, residents, engines } = this.#copy;
    const runs = residents.isAnywhere(model) ? 1 : trifle;
    let best = none;
    let priceUs = Infinity;
    let leastUs = Infinity;
    for (let engine = 0; engine < engines; engine++) {
      const us = this.#priceUs(first, model, engine, atUs);
      const withRunUs = us + runs * batches.aloneEndUs(this.#waiting.calls, first, engine, 0, 0);
      if (withRunUs < leastUs) [best, priceUs, leastUs] = [engine, us, withRunUs];
    }
    return [best, priceUs];
  }

  /** To end what runs, and where the model is not held there, to load it if others hold it, and to bring back what makes way. */
  #priceUs(call: number, model: number, engine: number, atUs: number): number {
    const { fleet, batches, residents } = this.#copy;
    if (this.#copy.turnOf(engine) !== none || fleet.open[engine] === 0) return Infinity;
    if (batches.isLoading(engine, atUs)) return Infinity;
    if (!this.#copy.mayGo(this.#waiting.calls, call, engine)) return Infinity;
    if (batches.runs(engine, model)) return Infinity;
    const drainUs = batches.drainUs(engine, atUs);
    if (residents.isHeld(engine, model)) return drainUs;
    const victims = residents.victimsOf(engine, model, this.#waiting.isFor);
    if (victims === undefined) return Infinity;
    let lostUs = 0;
    for (const victim of victims) lostUs += residents.lostUs(victim, engine);
    // One that nobody holds must be loaded anyhow.
    const copyUs = residents.isAnywhere(model)
      ? this.loadCost(engine, victims, model)
      : trifle * (residents.loadUs(engine, model) + residents.roomUs(engine, model));
    return drainUs + copyUs + this.#settings.missing * lostUs;
  }

  /**
   * Of a load into memory that nothing else needs only its own time is lost; and little more of one that leaves no model without an
   * engine, and after which none is missing.
   */
  loadCost(engine: number, victims: readonly number[], model: number): number {
    const { residents } = this.#copy;
    if (victims.length === 0 && residents.leavesRoom(engine, model)) return residents.loadUs(engine, model);
    const spare = residents.hasAll() && victims.every((victim) => residents.isAnywhere(victim, engine));
    return (spare ? spareLoadTime : this.#settings.loadTime) * residents.loadUs(engine, model);
  }
}
