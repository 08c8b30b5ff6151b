/**
 * Step 3, the horizon: what state a set of placements leaves behind, and what that is worth.
 *
 * A forecast serves the frontier in its order on a compact copy of the cluster: each stage where it was told to go, or else
 * where it ends first. What it holds of the state is what later stages inherit: models resident after every load and eviction,
 * hosts on which outputs lie, cached prefixes, and which engines each output can still reach. So a placement is charged for what
 * it does to everything else that is in sight, and for nothing else.
 */

import { canServe, isReachable } from "../../cost/candidate.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { Candidate } from "../picture.ts";
import type { View } from "../policy.ts";
import { Durations } from "./durations.ts";
import { EngineBook } from "./engine-book.ts";
import type { Frontier, FrontierStage } from "./frontier.ts";
import { Prefixes } from "./prefixes.ts";
import { routesOf, type Routes } from "./routes.ts";
import type { FateSettings } from "./settings.ts";

/** Where a stage goes: the position of an engine, `shards` for its split, or `open`: where it ends first. */
export type Placement = number;
const open: Placement = -1;

/** Hours behind anything that can be served. */
const neverUs = 1e10;

export class Forecast {
  readonly frontier: Frontier;
  readonly engines: readonly EngineState[];
  /** Of ready stages: the split that ends first, if some host has engines free for one. */
  readonly splits: readonly (Candidate | undefined)[];
  /** Where the last forecast put each stage, and when it ends there. */
  readonly placements: Int32Array;
  readonly endUs: Float64Array;

  readonly #nowUs: number;
  readonly #engineTime: number;
  readonly #reload: number;
  readonly #loadTime: number;
  /** Per stage and engine, as `Duration` has it; an Infinity of prefill where the stage may not go. */
  readonly #prefillUs: Float64Array;
  readonly #decodeUs: Float64Array;
  readonly #crowdUs: Float64Array;
  readonly #perBesideUs: Float64Array;
  readonly #cachedTokens: Float64Array;
  readonly #perTokenUs: Float64Array;
  /** Per stage and engine: inputs that lie somewhere already. */
  readonly #inputUs: Float64Array;
  readonly #modelOf: Int32Array;
  readonly #hostOf: Int32Array;
  readonly #speed: Float64Array;
  readonly #routes: Routes;
  readonly #book: EngineBook;
  readonly #prefixes: Prefixes;
  readonly #workflowEndUs: Float64Array;
  /** Of the last forecast: time spent on loads, where that has a price. */
  #loadsUs = 0;

  constructor(view: View, frontier: Frontier, splits: readonly (Candidate | undefined)[], settings: FateSettings) {
    this.frontier = frontier;
    this.splits = splits;
    this.engines = [...view.cluster];
    this.#nowUs = view.nowUs;
    this.#engineTime = settings.engineTime * scarcity(frontier, this.engines.length);
    this.#reload = settings.reload;
    this.#loadTime = settings.loadTime;
    const { stages, workflows } = frontier;
    const cells = stages.length * this.engines.length;
    this.placements = new Int32Array(stages.length);
    this.endUs = new Float64Array(stages.length);
    this.#workflowEndUs = new Float64Array(workflows);
    this.#prefillUs = new Float64Array(cells).fill(Infinity);
    this.#decodeUs = new Float64Array(cells);
    this.#crowdUs = new Float64Array(cells);
    this.#perBesideUs = new Float64Array(cells);
    this.#cachedTokens = new Float64Array(cells);
    this.#perTokenUs = new Float64Array(cells);
    this.#inputUs = new Float64Array(cells);
    const { residency } = settings.dimensions;
    this.#book = new EngineBook(view, frontier, this.engines, residency, settings.reload > 0);
    this.#prefixes = new Prefixes(stages, this.engines.length);
    this.#modelOf = Int32Array.from(stages, ({ stage }) =>
      stage.kind === "tool" ? 0 : this.#book.modelNumber(stage.model),
    );
    this.#routes = routesOf(view.costs, settings.dimensions);
    this.#hostOf = this.#routes.hostOf;
    this.#fillCosts(view, settings);
    this.#speed = this.#toSpeeds();
  }

  #fillCosts(view: View, { dimensions }: FateSettings): void {
    const hosts = this.#routes.hostCount;
    const durations = new Durations(view.costs.engines, dimensions.prefix, view.nowUs);
    const inputUs = new Float64Array(hosts);
    for (const [position, { stage, ready, inputs }] of this.frontier.stages.entries()) {
      if (stage.kind === "tool") continue;
      inputUs.fill(0);
      for (const { hosts: from, bytes } of inputs)
        for (let host = 0; host < hosts; host++)
          inputUs[host] = Math.max(inputUs[host] ?? 0, this.#routes.fromNearest(from, host, bytes));
      const durationOn = durations.of(stage);
      const isShared = this.#prefixes.isShared(position);
      // A plan that is blind to ways must still not ask for what cannot be done now.
      const mayBeBlind = ready && dimensions.reachability === 0;
      for (const [index, engine] of this.engines.entries()) {
        const input = inputUs[this.#hostOf[index] ?? 0] ?? 0;
        if (!engine.up || input === Infinity) continue;
        if (stage.allow !== undefined && !canServe(stage, engine)) continue;
        if (mayBeBlind && !isReachable(view, stage, engine)) continue;
        const duration = durationOn(engine);
        if (duration === undefined) continue;
        const cell = position * this.engines.length + index;
        this.#inputUs[cell] = input;
        this.#prefillUs[cell] = duration.prefillUs;
        this.#decodeUs[cell] = duration.decodeUs;
        this.#perBesideUs[cell] = duration.perBesideUs;
        if (ready) this.#crowdUs[cell] = duration.crowdUs;
        // Prompts that come into a batch together are looked up before any of them is cached.
        if (!isShared || this.#book.isBatched(index)) continue;
        this.#cachedTokens[cell] = duration.cachedTokens;
        this.#perTokenUs[cell] = duration.perTokenUs;
      }
    }
  }

  /** How fast each engine is at this frontier, as parts of 1. */
  #toSpeeds(): Float64Array {
    const count = this.engines.length;
    const speed = new Float64Array(count);
    let total = 0;
    for (let position = 0; position < this.frontier.stages.length; position++) {
      let leastUs = Infinity;
      for (let index = 0; index < count; index++) leastUs = Math.min(leastUs, this.workUs(position, index));
      if (leastUs === Infinity) continue;
      for (let index = 0; index < count; index++) {
        const part = leastUs / Math.max(1, this.workUs(position, index));
        speed[index] = (speed[index] ?? 0) + part;
        total += part;
      }
    }
    return total === 0 ? speed : speed.map((part) => part / total);
  }

  /** Every stage goes where it ends first. */
  nothingTold(): Int32Array {
    return new Int32Array(this.frontier.stages.length).fill(open);
  }

  /** The placement of a stage on its split. */
  get shards(): Placement {
    return this.engines.length;
  }

  /** Prefill and decode on an engine as it is now; Infinity where the stage may not go. */
  workUs(position: number, engine: number): number {
    const cell = position * this.engines.length + engine;
    return (this.#prefillUs[cell] ?? Infinity) + (this.#decodeUs[cell] ?? 0);
  }

  inputUs(position: number, engine: number): number {
    return this.#inputUs[position * this.engines.length + engine] ?? 0;
  }

  /** When a ready stage would end on each engine if nothing else were placed; Infinity where it may not go. */
  aloneUs(position: number): readonly number[] {
    this.#book.reset();
    const model = this.#modelOf[position] ?? 0;
    return this.engines.map((_, index) => {
      const workUs = this.workUs(position, index);
      if (workUs === Infinity) return Infinity;
      return this.#book.freeUs(index, model) + this.#book.loadUs(index, model) + this.inputUs(position, index) + workUs;
    });
  }

  /**
   * Serves the frontier and returns what that costs: the ends of the workflows, the time for which engines are taken, each by its
   * speed, and, where these have a price of their own, the loads and those that are still to come. Infinity where a stage was told to go where it cannot.
   */
  serve(told: Int32Array): number {
    const { stages } = this.frontier;
    const ends = this.#workflowEndUs.fill(this.#nowUs);
    this.#book.reset();
    this.#prefixes.reset();
    this.#loadsUs = 0;
    let cost = 0;
    for (let position = 0; position < stages.length; position++) {
      const entry = stages[position] as FrontierStage;
      let placement = told[position] ?? open;
      let endUs: number;
      if (entry.stage.kind === "tool") {
        endUs = this.#parentsEndUs(entry) + entry.stage.toolUs;
        placement = open;
      } else {
        if (placement === open) placement = this.#pickEarliest(position, entry);
        endUs = placement === open ? this.#nowUs + neverUs : this.#take(position, entry, placement);
        if (endUs === Infinity) return Infinity;
        if (placement !== open && placement !== this.shards)
          cost += this.#crowdUs[position * this.engines.length + placement] ?? 0;
      }
      this.endUs[position] = endUs;
      this.placements[position] = placement;
      if (endUs + entry.tailUs > (ends[entry.workflow] ?? 0)) ends[entry.workflow] = endUs + entry.tailUs;
    }
    for (const endUs of ends) cost += endUs - this.#nowUs;
    let takenUs = 0;
    for (let index = 0; index < this.#speed.length; index++)
      takenUs += (this.#speed[index] ?? 0) * (this.#book.takenUs(index) - this.#nowUs);
    const loadsUs = this.#loadTime * this.#loadsUs + this.#reload * this.#book.lostUs();
    return Math.round(cost + this.#engineTime * takenUs + loadsUs);
  }

  #parentsEndUs({ releaseUs, parents }: FrontierStage): number {
    let endUs = releaseUs;
    for (let at = 0; at < parents.length; at++) {
      const parentUs = this.endUs[parents[at]?.position ?? 0] ?? 0;
      if (parentUs > endUs) endUs = parentUs;
    }
    return endUs;
  }

  #pickEarliest(position: number, entry: FrontierStage): Placement {
    const readyUs = this.#parentsEndUs(entry);
    let best = open;
    let bestUs = Infinity;
    for (let index = 0; index < this.engines.length; index++) {
      const startUs = this.#startUs(position, entry, index, readyUs);
      if (startUs >= bestUs) continue;
      const endUs = startUs + this.#promptUs(position, index) + this.#decodedUs(position, index, startUs);
      if (endUs < bestUs) {
        best = index;
        bestUs = endUs;
      }
    }
    return best;
  }

  /** When model and inputs are there: a load may go ahead of the stage, its inputs may not. */
  #startUs(position: number, { parents }: FrontierStage, engine: number, readyUs: number): number {
    const cell = position * this.engines.length + engine;
    if (this.#prefillUs[cell] === Infinity) return Infinity;
    let inputUs = this.#inputUs[cell] ?? 0;
    for (let at = 0; at < parents.length; at++) {
      const parent = parents[at] as FrontierStage["parents"][number];
      const from = this.#engineOf(parent.position);
      if (from === open || this.#hostOf[from] === this.#hostOf[engine]) continue;
      const wayUs = this.#routes.between(this.#hostOf[from] ?? 0, this.#hostOf[engine] ?? 0, parent.bytes);
      if (wayUs > inputUs) inputUs = wayUs;
    }
    const model = this.#modelOf[position] ?? 0;
    const loadedUs = this.#book.freeUs(engine, model) + this.#book.loadUs(engine, model);
    const startUs = Math.max(loadedUs, readyUs) + inputUs;
    // Prompts of a batch are taken in one after another.
    return this.#book.isBatched(engine) ? Math.max(startUs, this.#book.prefilledUs(engine, model)) : startUs;
  }

  /** Of what will not be cached by then. */
  #promptUs(position: number, engine: number): number {
    const cell = position * this.engines.length + engine;
    const prefillUs = this.#prefillUs[cell] ?? Infinity;
    const perTokenUs = this.#perTokenUs[cell] ?? 0;
    if (perTokenUs === 0) return prefillUs;
    const moreTokens = this.#prefixes.tokens(position, engine) - (this.#cachedTokens[cell] ?? 0);
    return moreTokens > 0 ? prefillUs - moreTokens * perTokenUs : prefillUs;
  }

  /** What the forecast has put into a batch makes its iterations longer. */
  #decodedUs(position: number, engine: number, startUs: number): number {
    const cell = position * this.engines.length + engine;
    const decodeUs = this.#decodeUs[cell] ?? 0;
    if (!this.#book.isBatched(engine)) return decodeUs;
    const come = this.#book.comeBeside(engine, this.#modelOf[position] ?? 0, startUs);
    return decodeUs + Math.max(0, come) * (this.#perBesideUs[cell] ?? 0);
  }

  /** The engine on whose host the output of a stage lies. */
  #engineOf(position: number): number {
    const placement = this.placements[position] ?? open;
    return placement === this.shards ? (this.splits[position]?.shares[0]?.engine.holding.index ?? open) : placement;
  }

  #take(position: number, entry: FrontierStage, placement: Placement): number {
    if (placement === this.shards) return this.#takeSplit(position);
    const startUs = this.#startUs(position, entry, placement, this.#parentsEndUs(entry));
    if (startUs === Infinity) return Infinity;
    const prefilledUs = startUs + this.#promptUs(position, placement);
    const endUs = prefilledUs + this.#decodedUs(position, placement, startUs);
    if (this.#loadTime > 0) this.#loadsUs += this.#book.loadUs(placement, this.#modelOf[position] ?? 0);
    this.#book.occupy(placement, this.#modelOf[position] ?? 0, startUs, prefilledUs, endUs);
    this.#prefixes.leave(position, placement);
    return endUs;
  }

  #takeSplit(position: number): number {
    const split = this.splits[position];
    if (split === undefined) return Infinity;
    const model = this.#modelOf[position] ?? 0;
    let lastUs = 0;
    for (const { engine, cost } of split.shares) {
      const { index } = engine.holding;
      const loadUs = this.#book.loadUs(index, model);
      const startUs = this.#book.freeUs(index, model) + loadUs + cost.transferUs;
      const endUs = startUs + cost.prefillUs + cost.decodeUs;
      this.#loadsUs += loadUs;
      this.#book.occupy(index, model, startUs, startUs + cost.prefillUs, endUs);
      this.#prefixes.leave(position, index);
      lastUs = Math.max(lastUs, endUs + cost.shardUs);
    }
    return lastUs;
  }
}

/** Engine time has its full price where at least as many stages are in sight as there are engines to take them. */
function scarcity({ stages, beyond }: Frontier, engines: number): number {
  return Math.min(1, (stages.length + beyond.length) / engines);
}
