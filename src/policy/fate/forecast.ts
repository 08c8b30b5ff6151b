/**
 * Step 3, the horizon: what state a set of placements leaves behind, and what that is worth.
 *
 * A forecast serves the frontier in its order on a compact copy of the cluster: each stage where it was told to go, or else
 * where it ends first. What it holds of the state is what later stages inherit: models resident after every load and eviction,
 * hosts on which outputs lie, cached prefixes, and which engines each output can still reach. So a placement is charged for what
 * it does to everything else that is in sight, and for nothing else.
 */

import { canServe, isReachable } from "../../cost/candidate.ts";
import { transferUs } from "../../cost/transfer.ts";
import type { HostId } from "../../model/cluster.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { waitForUs, type Candidate } from "../picture.ts";
import type { View } from "../policy.ts";
import { createDurations } from "./durations.ts";
import type { Frontier, FrontierStage } from "./frontier.ts";
import type { FateSettings } from "./settings.ts";

/** Where a stage goes: the position of an engine, `shards` for its split, or nothing, and then where it ends first. */
export type Placement = number;
const open: Placement = -1;

/** Behind the slowest thing imaginable, and still far from where sums lose whole numbers. */
const neverUs = 1e12;
/** Stages that one batch is expected to hold side by side at most. */
const mostSlots = 16;

export class Forecast {
  readonly frontier: Frontier;
  readonly engines: readonly EngineState[];
  /** Per stage and engine: time on the engine without load and inputs; Infinity where it may not go. */
  readonly workUs: Float64Array;
  /** Per stage and engine: inputs that lie somewhere already. */
  readonly inputUs: Float64Array;
  /** Of ready stages: the split that ends first, if some host has engines free for one. */
  readonly splits: readonly (Candidate | undefined)[];
  /** Where the last forecast put each stage, and when it ends there. */
  readonly placements: Int32Array;
  readonly endUs: Float64Array;

  readonly #nowUs: number;
  readonly #engineTime: number;
  readonly #crowdUs: Float64Array;
  readonly #prefillUs: Float64Array;
  readonly #perBesideUs: Float64Array;
  readonly #routes: Routes;
  readonly #hostOf: Int32Array;
  readonly #models: Models;
  readonly #start: readonly Timeline[];
  #timelines: Timeline[] = [];
  readonly #speed: Float64Array;
  readonly #workflowEndUs: Float64Array;

  constructor(view: View, frontier: Frontier, splits: readonly (Candidate | undefined)[], settings: FateSettings) {
    const { dimensions } = settings;
    this.frontier = frontier;
    this.splits = splits;
    this.engines = [...view.cluster];
    this.#nowUs = view.nowUs;
    this.#engineTime = settings.engineTime;
    const { stages } = frontier;
    const cells = stages.length * this.engines.length;
    this.workUs = new Float64Array(cells).fill(Infinity);
    this.inputUs = new Float64Array(cells);
    this.#crowdUs = new Float64Array(cells);
    this.#prefillUs = new Float64Array(cells);
    this.#perBesideUs = new Float64Array(cells);
    this.placements = new Int32Array(stages.length);
    this.endUs = new Float64Array(stages.length);
    this.#workflowEndUs = new Float64Array(frontier.weights.length);
    const hosts = [...new Set(this.engines.map(({ holding }) => holding.host.id))];
    this.#hostOf = Int32Array.from(this.engines, ({ holding }) => hosts.indexOf(holding.host.id));
    this.#routes = toRoutes(view, hosts, dimensions);
    this.#models = toModels(view, frontier, this.engines, dimensions.residency);
    this.#start = this.engines.map((engine) => toTimeline(view, engine, this.#models));
    this.#fillCosts(view, settings);
    this.#speed = toSpeeds(this.workUs, stages.length, this.engines.length);
  }

  #fillCosts(view: View, { dimensions }: FateSettings): void {
    const durations = createDurations(view.costs.engines, dimensions.prefix);
    for (const [position, { stage, ready, inputs }] of this.frontier.stages.entries()) {
      if (stage.kind === "tool") continue;
      for (const [index, engine] of this.engines.entries()) {
        if (!engine.up || !canServe(stage, engine) || (ready && !isReachable(view, stage, engine))) continue;
        const cell = position * this.engines.length + index;
        let longestUs = 0;
        for (const { hosts, bytes } of inputs)
          longestUs = Math.max(longestUs, this.#routes.fromNearest(hosts, this.#hostOf[index] ?? 0, bytes));
        if (longestUs === Infinity) continue;
        this.inputUs[cell] = longestUs;
        this.workUs[cell] = durations.workUs(stage, engine);
        if (engine.holding.engine.batching.kind === "batched") {
          const { prefillUs, perBesideUs } = durations.batchUs(stage, engine);
          this.#prefillUs[cell] = prefillUs;
          this.#perBesideUs[cell] = perBesideUs;
        }
        if (ready) this.#crowdUs[cell] = durations.crowdUs(stage, engine, this.#nowUs);
      }
    }
  }

  /**
   * Serves the frontier and returns what that costs: the weighted ends of the workflows, and the time for which engines are
   * taken, each by its speed. Infinity where a stage was told to go where it cannot.
   */
  serve(told: Int32Array): number {
    const { stages, weights } = this.frontier;
    const ends = this.#workflowEndUs.fill(this.#nowUs);
    this.#timelines = this.#start.slice();
    let crowdUs = 0;
    for (let position = 0; position < stages.length; position++) {
      const entry = stages[position] as FrontierStage;
      let placement = told[position] ?? open;
      if (entry.stage.kind === "tool") {
        this.endUs[position] = this.#parentsEndUs(entry) + entry.stage.toolUs;
        this.placements[position] = open;
      } else {
        if (placement === open) placement = this.#pickEarliest(position, entry);
        const endUs = placement === open ? this.#nowUs + neverUs : this.#take(position, entry, placement);
        if (endUs === Infinity) return Infinity;
        this.endUs[position] = endUs;
        this.placements[position] = placement;
        if (placement >= 0 && placement < this.engines.length)
          crowdUs += this.#crowdUs[position * this.engines.length + placement] ?? 0;
      }
      const pathUs = (this.endUs[position] ?? 0) + entry.tailUs;
      if (pathUs > (ends[entry.workflow] ?? 0)) ends[entry.workflow] = pathUs;
    }
    let cost = crowdUs;
    for (let index = 0; index < ends.length; index++)
      cost += (weights[index] ?? 0) * ((ends[index] ?? 0) - this.#nowUs);
    let takenUs = 0;
    for (let index = 0; index < this.#speed.length; index++)
      takenUs += (this.#speed[index] ?? 0) * ((this.#timelines[index] as Timeline).takenUs - this.#nowUs);
    return Math.min(Number.MAX_SAFE_INTEGER / 4, Math.round(cost + this.#engineTime * takenUs));
  }

  #parentsEndUs({ releaseUs, parents }: FrontierStage): number {
    let endUs = releaseUs;
    for (const { position } of parents) endUs = Math.max(endUs, this.endUs[position] ?? 0);
    return endUs;
  }

  /** When the stage would end on an engine if nothing else were placed; Infinity where it may not go. */
  aloneUs(position: number, index: number): number {
    const cell = position * this.engines.length + index;
    const model = this.#models.ofStage[position] ?? 0;
    const timeline = this.#start[index] as Timeline;
    const loadUs = timeline.residents.includes(model) ? 0 : this.#models.loadUs(index, model);
    return freeFor(timeline, model) + loadUs + (this.inputUs[cell] ?? 0) + (this.workUs[cell] ?? Infinity);
  }

  #pickEarliest(position: number, entry: FrontierStage): Placement {
    let best = open;
    let bestUs = Infinity;
    for (let index = 0; index < this.engines.length; index++) {
      const endUs = this.#endOn(position, entry, index);
      if (endUs < bestUs) [best, bestUs] = [index, endUs];
    }
    return best;
  }

  /** The end on one engine, given what the forecast has placed so far. */
  #endOn(position: number, entry: FrontierStage, index: number): number {
    const cell = position * this.engines.length + index;
    const workUs = this.workUs[cell] ?? Infinity;
    if (workUs === Infinity) return Infinity;
    let inputUs = this.inputUs[cell] ?? 0;
    let readyUs = entry.releaseUs;
    for (const { position: parent, bytes } of entry.parents) {
      const endedUs = this.endUs[parent] ?? 0;
      if (endedUs > readyUs) readyUs = endedUs;
      const from = this.#lastEngine(parent);
      if (from < 0) continue;
      const wayUs = this.#routes.between(this.#hostOf[from] ?? 0, this.#hostOf[index] ?? 0, bytes);
      if (wayUs > inputUs) inputUs = wayUs;
    }
    const timeline = this.#timelines[index] as Timeline;
    const model = this.#models.ofStage[position] ?? 0;
    const freeUs = freeFor(timeline, model);
    const loadedUs = freeUs + (timeline.residents.includes(model) ? 0 : this.#models.loadUs(index, model));
    const startUs = Math.max(loadedUs, readyUs) + inputUs;
    if (timeline.slots.length === 1) return startUs + workUs;
    // Prompts are taken in one after another; whatever decodes beside it by then makes every iteration longer.
    let beside = 0;
    for (const slot of timeline.slots) if (slot > startUs) beside += 1;
    beside = Math.max(0, beside - (this.engines[index]?.running.length ?? 0));
    return Math.max(startUs, timeline.prefillFreeUs) + workUs + beside * (this.#perBesideUs[cell] ?? 0);
  }

  /** The engine on whose host the output of a stage lies. */
  #lastEngine(position: number): number {
    const placement = this.placements[position] ?? open;
    if (placement < this.engines.length) return placement;
    return this.splits[position]?.shares[0]?.engine.holding.index ?? open;
  }

  #take(position: number, entry: FrontierStage, placement: Placement): number {
    const model = this.#models.ofStage[position] ?? 0;
    if (placement < this.engines.length) {
      const endUs = this.#endOn(position, entry, placement);
      const cell = position * this.engines.length + placement;
      if (endUs < Infinity) this.#occupy(placement, model, endUs, this.workUs[cell] ?? 0, this.#prefillUs[cell] ?? 0);
      return endUs;
    }
    let lastUs = 0;
    for (const { engine, cost } of this.splits[position]?.shares ?? []) {
      const { index } = engine.holding;
      const timeline = this.#timelines[index] as Timeline;
      const loadUs = timeline.residents.includes(model) ? 0 : this.#models.loadUs(index, model);
      const workUs = cost.prefillUs + cost.decodeUs;
      const endUs = freeFor(timeline, model) + loadUs + cost.transferUs + workUs;
      this.#occupy(index, model, endUs, workUs, 0);
      lastUs = Math.max(lastUs, endUs + cost.shardUs);
    }
    return lastUs;
  }

  #occupy(index: number, model: number, endUs: number, workUs: number, prefillUs: number): void {
    const before = this.#timelines[index] as Timeline;
    const residents =
      before.residents.at(-1) === model ? before.residents : this.#models.use(index, before.residents, model);
    this.#timelines[index] = occupy(before, model, endUs, workUs, residents, prefillUs);
  }

  /** Sets where nothing is told: every stage where it ends first. */
  nothingTold(): Int32Array {
    return new Int32Array(this.frontier.stages.length).fill(open);
  }

  /** The placement of a stage on its split. */
  get shards(): Placement {
    return this.engines.length;
  }
}

/** An engine's future: when it can take more, what it holds then. Never changed, always replaced. */
type Timeline = {
  /** Model numbers, least recently used first. */
  readonly residents: readonly number[];
  /** Of a batch: when each of its places falls free, in no order. One place for an exclusive engine. */
  readonly slots: readonly number[];
  /** Model of the batch. */
  readonly model: number;
  /** When the engine has served everything; of a batch the mean of its places. */
  readonly takenUs: number;
  /** When a batch has taken in the prompts that the forecast has given it. */
  readonly prefillFreeUs: number;
};

function toTimeline(view: View, engine: EngineState, models: Models): Timeline {
  const residents = engine.foreseen.map(({ model }) => models.numbers.get(model) ?? -1).filter((model) => model >= 0);
  const { batching } = engine.holding.engine;
  const [first] = engine.running;
  if (batching.kind === "exclusive") {
    let freeUs = engine.freeAtUs(view.nowUs);
    if (first !== undefined) freeUs += Math.max(0, view.nowUs - (first.startUs + first.expectedUs));
    return { residents, slots: [freeUs], model: -1, takenUs: freeUs, prefillFreeUs: 0 };
  }
  const count = Math.min(mostSlots, batching.maxSequences);
  const startUs = Math.max(view.nowUs, engine.loadEndUs);
  const slots = Array.from({ length: count }, () => startUs);
  const ends = engine.running.map((share) => Math.max(startUs, share.startUs + share.expectedUs));
  for (const [place, endUs] of ends.sort((left, right) => right - left).entries()) slots[place % count] = endUs;
  if (first !== undefined && engine.queue.length > 0) {
    const waitUs = view.nowUs + waitForUs(view, first.stage, engine);
    for (const [place, endUs] of slots.entries()) slots[place] = Math.max(endUs, waitUs);
  }
  return {
    residents,
    slots,
    model: first === undefined ? -1 : (models.numbers.get(first.stage.model) ?? -1),
    takenUs: mean(slots),
    prefillFreeUs: 0,
  };
}

/** An exclusive engine when it is free, a batch when it has a place, or when it has drained if it is of another model. */
function freeFor({ slots, model: current }: Timeline, model: number): number {
  if (slots.length === 1) return slots[0] ?? 0;
  return current === model || current < 0 ? Math.min(...slots) : Math.max(...slots);
}

function occupy(
  before: Timeline,
  model: number,
  endUs: number,
  workUs: number,
  residents: readonly number[],
  prefillUs = 0,
): Timeline {
  if (before.slots.length === 1) return { residents, slots: [endUs], model, takenUs: endUs, prefillFreeUs: 0 };
  const drains = before.model !== model && before.model >= 0;
  const slots = drains ? before.slots.map(() => endUs - workUs) : before.slots.slice();
  slots[slots.indexOf(Math.min(...slots))] = endUs;
  return { residents, slots, model, takenUs: mean(slots), prefillFreeUs: endUs - workUs + prefillUs };
}

function mean(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total / Math.max(1, values.length);
}

/** Models by number, what their loads take, and who makes room for them. */
type Models = {
  readonly numbers: ReadonlyMap<string, number>;
  readonly ofStage: Int32Array;
  readonly loadUs: (engine: number, model: number) => number;
  /** Residents once the model has been used: those needed last gone first, where room must be made. */
  readonly use: (engine: number, residents: readonly number[], model: number) => readonly number[];
};

function toModels(view: View, { stages, away }: Frontier, engines: readonly EngineState[], residency: number): Models {
  const names = new Set<string>();
  for (const { stage } of stages) if (stage.kind !== "tool") names.add(stage.model);
  for (const { foreseen } of engines) for (const { model } of foreseen) names.add(model);
  const list = [...names];
  const numbers = new Map(list.map((name, index) => [name, index]));
  const loads = new Float64Array(engines.length * list.length);
  const bytes = new Float64Array(engines.length * list.length);
  for (const [index, { slowFactor }] of engines.entries())
    for (const [model, name] of list.entries()) {
      const held = view.costs.engines[index]?.models.get(name);
      loads[index * list.length + model] = residency * (held?.loadUs ?? 0) * slowFactor;
      bytes[index * list.length + model] = held?.footprintBytes ?? 0;
    }
  const awayOf = list.map((name) => away.get(name) ?? Infinity);
  return {
    numbers,
    ofStage: Int32Array.from(stages, ({ stage }) => (stage.kind === "tool" ? 0 : (numbers.get(stage.model) ?? 0))),
    loadUs: (engine, model) => loads[engine * list.length + model] ?? 0,
    use: (engine, residents, model) => {
      if (residents.includes(model)) return [...residents.filter((other) => other !== model), model];
      const { memoryBytes, engine: spec } = (engines[engine] as EngineState).holding;
      const kept = residents.slice();
      let freeBytes = memoryBytes - (bytes[engine * list.length + model] ?? 0);
      for (const other of kept) freeBytes -= bytes[engine * list.length + other] ?? 0;
      while (kept.length > 0 && (freeBytes < 0 || kept.length >= spec.maxResident)) {
        let victim = 0;
        for (let place = 1; place < kept.length; place++)
          if ((awayOf[kept[place] ?? 0] ?? 0) > (awayOf[kept[victim] ?? 0] ?? 0)) victim = place;
        freeBytes += bytes[engine * list.length + (kept[victim] ?? 0)] ?? 0;
        kept.splice(victim, 1);
      }
      return [...kept, model];
    },
  };
}

type Routes = {
  readonly between: (from: number, to: number, bytes: number) => number;
  /** From whichever of the hosts is nearest. */
  readonly fromNearest: (from: readonly HostId[], to: number, bytes: number) => number;
};

/** Links count as far as locality is seen; the store, and that no way leads there at all, as far as reachability is. */
function toRoutes({ costs }: View, hosts: readonly HostId[], dimensions: FateSettings["dimensions"]): Routes {
  const count = hosts.length;
  const fixedUs = new Float64Array(count * count);
  const perByteUs = new Float64Array(count * count);
  for (const [from, source] of hosts.entries())
    for (const [to, target] of hosts.entries()) {
      if (from === to) continue;
      const route = costs.route(source, target);
      const seen = route?.via === "link" ? dimensions.locality : dimensions.reachability;
      if (seen === 0) continue;
      fixedUs[from * count + to] = route === undefined ? Infinity : seen * transferUs(route, 0);
      perByteUs[from * count + to] = route === undefined ? 0 : (seen * 1e6) / route.bytesPerSecond;
    }
  const between: Routes["between"] = (from, to, bytes) =>
    from === to ? 0 : (fixedUs[from * count + to] ?? 0) + bytes * (perByteUs[from * count + to] ?? 0);
  const numbers = new Map(hosts.map((host, index) => [host, index]));
  return {
    between,
    fromNearest: (from, to, bytes) => {
      let least = Infinity;
      for (const host of from) least = Math.min(least, between(numbers.get(host) ?? to, to, bytes));
      return least;
    },
  };
}

/** How fast each engine is at this frontier, as parts of 1. */
function toSpeeds(workUs: Float64Array, stages: number, engines: number): Float64Array {
  const speed = new Float64Array(engines);
  let total = 0;
  for (let position = 0; position < stages; position++) {
    const row = workUs.subarray(position * engines, (position + 1) * engines);
    let bestUs = Infinity;
    for (const us of row) if (us < bestUs) bestUs = us;
    if (bestUs === Infinity) continue;
    for (let index = 0; index < engines; index++) {
      const part = bestUs / Math.max(1, row[index] ?? Infinity);
      speed[index] = (speed[index] ?? 0) + part;
      total += part;
    }
  }
  return total === 0 ? speed : speed.map((part) => part / total);
}
