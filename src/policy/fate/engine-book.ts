/**
 * Every engine's future in a forecast: when it can take more, and which models it holds then. Flat arrays, because a plan makes
 * hundreds of forecasts; `reset` goes back to what is true now.
 */

import type { EngineState } from "../../state/engine-state.ts";
import { mixesModels } from "../../model/cluster.ts";
import { waitForUs } from "../picture.ts";
import type { View } from "../policy.ts";
import { Copies } from "./copies.ts";
import { EnginePage, noModel } from "./engine-page.ts";
import type { Frontier } from "./frontier.ts";

/** Stages that one batch is expected to hold side by side at most. */
const mostPlaces = 16;

export class EngineBook {
  readonly #modelCount: number;
  readonly #numbers: ReadonlyMap<string, number>;
  /** Per engine and model. */
  readonly #loadUs: Float64Array;
  readonly #bytes: Float64Array;
  /** Per model: steps until it is called next. */
  readonly #away: Float64Array;
  readonly #memoryBytes: Float64Array;
  readonly #mostResidents: Int32Array;
  readonly #residentSpan: number;
  readonly #placeSpan: number;
  /** Per engine: whether it runs several models side by side. */
  readonly #mixes: readonly boolean[];
  /** Sequences that run there now: per engine, and where models are mixed per engine and model. */
  readonly #runningNow: Int32Array;
  readonly #besideNow: Int32Array;
  /** Per engine: its places, 1 if it is exclusive. */
  readonly #places: Int32Array;

  readonly #now: EnginePage;
  readonly #page: EnginePage;
  /** Kept where models that are lost have a price. */
  readonly #copies: Copies | undefined;

  constructor(
    view: View,
    { stages, away }: Frontier,
    engines: readonly EngineState[],
    residency: number,
    countsCopies: boolean,
  ) {
    const names = new Set<string>();
    for (const { stage } of stages) if (stage.kind !== "tool") names.add(stage.model);
    for (const { foreseen } of engines) for (const { model } of foreseen) names.add(model);
    const models = [...names];
    const count = engines.length;
    this.#modelCount = models.length;
    this.#numbers = new Map(models.map((name, index) => [name, index]));
    this.#away = Float64Array.from(models, (name) => away.get(name) ?? Infinity);
    this.#loadUs = new Float64Array(count * models.length);
    this.#bytes = new Float64Array(count * models.length);
    for (const [index, { slowFactor }] of engines.entries())
      for (const [model, name] of models.entries()) {
        const held = view.costs.engines[index]?.models.get(name);
        this.#loadUs[index * models.length + model] = residency * (held?.loadUs ?? 0) * slowFactor;
        this.#bytes[index * models.length + model] = held?.footprintBytes ?? 0;
      }
    this.#memoryBytes = Float64Array.from(engines, ({ holding }) => holding.memoryBytes);
    this.#mostResidents = Int32Array.from(engines, ({ holding }) => holding.engine.maxResident);
    this.#places = Int32Array.from(engines, ({ holding: { engine } }) =>
      engine.batching.kind === "exclusive" ? 1 : Math.min(mostPlaces, engine.batching.maxSequences),
    );
    this.#placeSpan = Math.max(1, ...this.#places);
    // One more than it may hold: the newcomer stands there while room is made.
    this.#residentSpan =
      1 + Math.max(1, ...engines.map(({ foreseen }) => foreseen.length), ...this.#mostResidentsKnown());
    this.#mixes = engines.map(({ holding }) => mixesModels(holding.engine));
    const span = this.#mixes.includes(true) ? models.length : 0;
    this.#runningNow = Int32Array.from(engines, ({ running }) => running.length);
    this.#besideNow = new Int32Array(count * span);
    this.#now = new EnginePage(count, this.#placeSpan, this.#residentSpan, span);
    this.#page = new EnginePage(count, this.#placeSpan, this.#residentSpan, span);
    this.#copies = countsCopies ? new Copies(this.#toReloads(count)) : undefined;
    for (const [index, engine] of engines.entries()) this.#writeNow(view, index, engine);
    this.reset();
  }

  /** Per model: its fastest load. */
  #toReloads(engines: number): Float64Array {
    const leastUs = new Float64Array(this.#modelCount).fill(Infinity);
    for (let cell = 0; cell < engines * this.#modelCount; cell++) {
      const model = cell % this.#modelCount;
      const loadUs = this.#loadUs[cell] ?? 0;
      if (loadUs > 0) leastUs[model] = Math.min(leastUs[model] ?? Infinity, loadUs);
    }
    return leastUs.map((us) => (us === Infinity ? 0 : us));
  }

  /** No engine holds more models than there are. */
  #mostResidentsKnown(): number[] {
    return Array.from(this.#mostResidents, (most) => Math.min(most, this.#modelCount));
  }

  #writeNow(view: View, index: number, engine: EngineState): void {
    const now = this.#now;
    for (const { model } of engine.foreseen) {
      now.residents[index * this.#residentSpan + (now.held[index] ?? 0)] = this.modelNumber(model);
      this.#copies?.note(this.modelNumber(model));
      now.held[index] = (now.held[index] ?? 0) + 1;
    }
    const from = index * this.#placeSpan;
    const places = this.#places[index] ?? 1;
    const [first] = engine.running;
    now.model[index] = first === undefined ? noModel : this.modelNumber(first.stage.model);
    if (engine.holding.engine.batching.kind === "exclusive") {
      // What is overdue is expected to take as long again as it is overdue.
      const overdueUs = first === undefined ? 0 : Math.max(0, view.nowUs - (first.startUs + first.expectedUs));
      now.freeUs[from] = engine.freeAtUs(view.nowUs) + overdueUs;
      return;
    }
    let startUs = Math.max(view.nowUs, engine.loadEndUs);
    if (first !== undefined && engine.queue.length > 0)
      startUs = Math.max(startUs, view.nowUs + waitForUs(view, first.stage, engine));
    now.freeUs.fill(startUs, from, from + places);
    const ends = engine.running.map((share) => share.startUs + share.expectedUs).sort((left, right) => right - left);
    for (const [place, endUs] of ends.entries()) {
      const at = from + (place % places);
      now.freeUs[at] = Math.max(now.freeUs[at] ?? 0, endUs);
    }
    if (this.#mixes[index] === true) this.#writeMixed(index, engine);
  }

  /** Which model's sequence is in which place. */
  #writeMixed(index: number, { running }: EngineState): void {
    const from = index * this.#placeSpan;
    const places = this.#places[index] ?? 1;
    const byEnd = [...running].sort((left, right) => right.startUs + right.expectedUs - left.startUs - left.expectedUs);
    for (const [place, { stage }] of byEnd.entries()) {
      const model = this.#numbers.get(stage.model) ?? noModel;
      if (place < places) this.#now.placeModel[from + place] = model;
      if (model === noModel) continue;
      const cell = index * this.#modelCount + model;
      this.#besideNow[cell] = (this.#besideNow[cell] ?? 0) + 1;
    }
  }

  reset(): void {
    this.#page.copy(this.#now);
    this.#copies?.reset();
  }

  modelNumber(model: string): number {
    return this.#numbers.get(model) ?? 0;
  }

  isBatched(engine: number): boolean {
    return (this.#places[engine] ?? 1) > 1;
  }

  /** When the engine can begin a stage of the model: a batch has a place, or has drained if it is of another model. */
  freeUs(engine: number, model: number): number {
    const { freeUs, model: current } = this.#page;
    const from = engine * this.#placeSpan;
    const places = this.#places[engine] ?? 1;
    let us = freeUs[from] ?? 0;
    if (places === 1) return us;
    // Where models are mixed a batch of each goes on, but a load waits until all have ended.
    const joins =
      this.#mixes[engine] === true
        ? this.loadUs(engine, model) === 0
        : current[engine] === model || current[engine] === noModel;
    for (let at = from + 1; at < from + places; at++) {
      const other = freeUs[at] ?? 0;
      if (joins ? other < us : other > us) us = other;
    }
    return us;
  }

  /** Of the load that a stage of the model needs there by then. */
  loadUs(engine: number, model: number): number {
    const { residents, held } = this.#page;
    const from = engine * this.#residentSpan;
    for (let at = from + (held[engine] ?? 0) - 1; at >= from; at--) if (residents[at] === model) return 0;
    return this.#loadUs[engine * this.#modelCount + model] ?? 0;
  }

  /** Of a model's batch: how many sequences more than now decode at a time, and when the last prompt given to it has been taken in. */
  comeBeside(engine: number, model: number, atUs: number): number {
    const from = engine * this.#placeSpan;
    const { freeUs, placeModel } = this.#page;
    const mixes = this.#mixes[engine] === true;
    let come = -(mixes ? this.#besideNow[engine * this.#modelCount + model]! : this.#runningNow[engine]!);
    for (let at = from; at < from + (this.#places[engine] ?? 1); at++)
      if ((freeUs[at] ?? 0) > atUs && (!mixes || placeModel[at] === model)) come += 1;
    return come;
  }

  prefilledUs(engine: number, model: number): number {
    const { prefilledUs, prefilledOf } = this.#page;
    return (this.#mixes[engine] === true ? prefilledOf[engine * this.#modelCount + model] : prefilledUs[engine]) ?? 0;
  }

  /** The engine, or a place of its batch, is taken from `startUs` until `endUs`. */
  occupy(engine: number, model: number, startUs: number, prefilledUs: number, endUs: number): void {
    this.#use(engine, model);
    const page = this.#page;
    const from = engine * this.#placeSpan;
    const places = this.#places[engine] ?? 1;
    if (places === 1) {
      page.freeUs[from] = endUs;
      return;
    }
    const mixes = this.#mixes[engine] === true;
    const turns = page.model[engine] !== model && page.model[engine] !== noModel;
    if (turns && !mixes) page.freeUs.fill(startUs, from, from + places);
    let earliest = from;
    for (let at = from + 1; at < from + places; at++)
      if ((page.freeUs[at] ?? 0) < (page.freeUs[earliest] ?? 0)) earliest = at;
    page.freeUs[earliest] = endUs;
    page.model[engine] = model;
    page.prefilledUs[engine] = prefilledUs;
    if (!mixes) return;
    page.placeModel[earliest] = model;
    page.prefilledOf[engine * this.#modelCount + model] = prefilledUs;
  }

  /** When the engine has served everything; of a batch the mean of its places. */
  takenUs(engine: number): number {
    const from = engine * this.#placeSpan;
    const places = this.#places[engine] ?? 1;
    let totalUs = 0;
    for (let at = from; at < from + places; at++) totalUs += this.#page.freeUs[at] ?? 0;
    return totalUs / places;
  }

  /** To bring back the models that no engine holds in the end. */
  lostUs(): number {
    return this.#copies?.lostUs() ?? 0;
  }

  /**
   * The model becomes the last one used; where room must be made, the models called last go first, of equals those held elsewhere
   * too, where that counts, then the least recently used.
   */
  #use(engine: number, model: number): void {
    const { residents, held } = this.#page;
    const from = engine * this.#residentSpan;
    let count = held[engine] ?? 0;
    if (count > 0 && residents[from + count - 1] === model) return;
    const place = residents.subarray(from, from + count).indexOf(model);
    if (place >= 0) {
      residents.copyWithin(from + place, from + place + 1, from + count);
      residents[from + count - 1] = model;
      return;
    }
    const bytesOf = (resident: number): number => this.#bytes[engine * this.#modelCount + resident] ?? 0;
    let freeBytes = (this.#memoryBytes[engine] ?? 0) - bytesOf(model);
    for (let at = from; at < from + count; at++) freeBytes -= bytesOf(residents[at] ?? 0);
    while (count > 0 && (freeBytes < 0 || count >= (this.#mostResidents[engine] ?? 1))) {
      let victim = from;
      for (let at = from + 1; at < from + count; at++)
        if (this.#goesBefore(residents[at] ?? 0, residents[victim] ?? 0)) victim = at;
      this.#copies?.remove(residents[victim] ?? 0);
      freeBytes += bytesOf(residents[victim] ?? 0);
      residents.copyWithin(victim, victim + 1, from + count);
      count -= 1;
    }
    residents[from + count] = model;
    held[engine] = count + 1;
    this.#copies?.add(model);
  }

  #goesBefore(model: number, other: number): boolean {
    const awayModel = this.#away[model] ?? 0;
    const awayOther = this.#away[other] ?? 0;
    if (awayModel !== awayOther || this.#copies === undefined) return awayModel > awayOther;
    return this.#copies.isHeldTwice(model) && !this.#copies.isHeldTwice(other);
  }
}
