/**
 * One pass through a plan: when each stage begins and ends, and where. Follows the exclusive engines of the simulator step by step,
 * with predicted lengths, but goes through the plan's order instead of through time, so ways between hosts serve in that order.
 * Engines load the next model of their sequence as soon as they are free, and give up first what the plan calls last there.
 * Costs stages + edges, and allocates nothing.
 */

import { shardUs } from "../../cost/shard.ts";
import { Caches } from "./caches.ts";
import { open, openToPairs, type Placement, type WholePlan } from "./plan.ts";
import { Residency, resident } from "./residency.ts";
import type { Scene } from "./scene.ts";
import { neverUs, Transfers } from "./transfers.ts";

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
  /** By workflow, when what has begun of it ends. */
  readonly baseEndsUs: Float64Array;
  readonly residency: Residency;
  readonly openVisits = 4;
  readonly byRuns = false;

  readonly #loadsAhead: boolean;
  readonly #transfers: Transfers;
  readonly #caches: Caches;
  readonly #before: Int32Array;
  /** By stage and engine, times with nothing cached and with what is cached now; NaN where not asked for yet. */
  readonly #knownUs: Float64Array;
  #position = 0;

  constructor(scene: Scene, loadsAhead: boolean) {
    const { fleet, stages, engines } = scene;
    this.scene = scene;
    this.#loadsAhead = loadsAhead;
    this.beginsUs = new Float64Array(stages.length);
    this.endsUs = new Float64Array(stages.length + scene.sourceEndUs.length);
    this.endsUs.set(scene.sourceEndUs, stages.length);
    this.placements = new Int32Array(stages.length).fill(open);
    this.waitedFor = new Int32Array(stages.length);
    this.baseEndsUs = Float64Array.from(scene.workflows, ({ endUs }) => endUs);
    this.freeUs = engines.freeUs.slice();
    this.#transfers = new Transfers(scene);
    this.residency = new Residency(scene);
    this.#caches = new Caches(scene);
    this.#before = new Int32Array(fleet.engines.length);
    this.#knownUs = new Float64Array(stages.length * fleet.engines.length * 2).fill(NaN);
  }

  /** The plan with what it left open settled. */
  settle({ order, told }: WholePlan): WholePlan {
    this.decode(order, told);
    return { order, told: this.placements.slice() };
  }

  /** Lays the plan out in time. `order` names every stage once, parents before children. */
  decode(order: Int32Array, told: Int32Array): void {
    const { nowUs, modelOf, fixedUs, parentStarts, parents, engines } = this.scene;
    const { endsUs, placements, waitedFor } = this;
    this.freeUs.set(engines.freeUs);
    this.#before.fill(-1);
    this.#transfers.reset();
    this.#caches.reset();
    this.residency.reset(order, told);
    for (let position = 0; position < order.length; position++) {
      const stage = order[position]!;
      let readyUs = nowUs;
      let cause = -1;
      for (let at = parentStarts[stage]!; at < parentStarts[stage + 1]!; at++) {
        const endUs = endsUs[parents[at]!]!;
        if (endUs <= readyUs) continue;
        readyUs = endUs;
        cause = parents[at]!;
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
      endsUs[stage] = this.#serve(stage, placement, readyUs);
    }
  }

  #serve(stage: number, placement: Placement, readyUs: number): number {
    const { fleet, nowUs } = this.scene;
    const count = fleet.engines.length;
    if (placement === open) {
      this.beginsUs[stage] = nowUs + neverUs;
      return nowUs + neverUs;
    }
    if (placement < count) {
      const endUs = this.#take(stage, placement, 0, -1, readyUs);
      this.#transfers.write(stage, fleet.hostOf[placement]!, endUs);
      return endUs;
    }
    const pair = placement - count;
    const [lead, other] = fleet.pairs[pair]!;
    const placeUs = Math.max(readyUs, this.freeUs[lead]!, this.freeUs[other]!);
    this.beginsUs[stage] = Infinity;
    // What begins first fetches first, and the other one finds it there.
    const otherFirst = this.#wouldBeginUs(stage, other, placeUs) < this.#wouldBeginUs(stage, lead, placeUs);
    const firstUs = this.#take(stage, otherFirst ? other : lead, otherFirst ? 1 : 0, pair, placeUs);
    const secondUs = this.#take(stage, otherFirst ? lead : other, otherFirst ? 0 : 1, pair, placeUs);
    const endUs = Math.max(firstUs, secondUs) + mergeUs;
    this.#transfers.write(stage, fleet.hostOf[lead]!, endUs);
    return endUs;
  }

  /** Has an engine serve the stage, or its share of the pair, from when it is placed; returns when it is done. */
  #take(stage: number, engine: number, share: number, pair: number, placeUs: number): number {
    const { fleet, modelOf, engines } = this.scene;
    const model = modelOf[stage]!;
    const freedUs = this.freeUs[engine]!;
    let loadUs = this.residency.use(engine, model, this.#position, share);
    if (loadUs === resident) loadUs = 0;
    else this.#caches.forget(engine, model);
    const startUs = this.#beginUs(freedUs, loadUs, placeUs);
    if (freedUs + loadUs > placeUs) this.waitedFor[stage] = this.#before[engine]!;
    const inputsUs = this.#transfers.fetch(stage, fleet.hostOf[engine]!, startUs);
    const level = this.#caches.levelOf(stage, engine, model);
    const plainUs = this.#plainUs(stage, engine, share, pair, level);
    const slow = engines.slowFactor[engine]!;
    const endUs = inputsUs + (slow === 1 ? plainUs : Math.round(plainUs * slow));
    this.#caches.leave(stage, engine, model, level, this.scene.times[stage]!.roomTokens(engine, share, pair));
    if (pair < 0 || startUs < this.beginsUs[stage]!) this.beginsUs[stage] = startUs;
    this.freeUs[engine] = endUs;
    this.#before[engine] = stage;
    return endUs;
  }

  #beginUs(freedUs: number, loadUs: number, placeUs: number): number {
    return this.#loadsAhead ? Math.max(freedUs + loadUs, placeUs) : Math.max(freedUs, placeUs) + loadUs;
  }

  /** Prefill and decode. Most stages find as much cached as there is now, or nothing: these two are looked up fast. */
  #plainUs(stage: number, engine: number, share: number, pair: number, level: number): number {
    const { times, fleet, links } = this.scene;
    if (pair >= 0) return times[stage]!.shareUs(pair, share, level);
    const cell = stage * fleet.engines.length + engine;
    if (level !== 0 && level !== links.cached[cell]) return times[stage]!.wholeUs(engine, level);
    const at = 2 * cell + (level === 0 ? 0 : 1);
    const us = this.#knownUs[at]!;
    return us === us ? us : (this.#knownUs[at] = times[stage]!.wholeUs(engine, level));
  }

  /** Of the engines that may take the stage the one on which it ends first; `open` if none may. */
  #pickEarliest(stage: number, readyUs: number, told: Placement): Placement {
    const { able, ablePairs, fleet } = this.scene;
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
      best = fleet.engines.length + pair;
      bestUs = endUs;
    }
    return best;
  }

  /** As `#take`, but nothing changes, and ways are free. No further than `mostUs`. */
  #wouldEndUs(stage: number, engine: number, share: number, pair: number, placeUs: number, mostUs: number): number {
    const { fleet, modelOf, engines } = this.scene;
    const model = modelOf[stage]!;
    const startUs = this.#wouldBeginUs(stage, engine, placeUs);
    if (startUs >= mostUs) return Infinity;
    const inputsUs = this.#transfers.wouldFetch(stage, fleet.hostOf[engine]!, startUs);
    const level = this.residency.has(engine, model) ? this.#caches.levelOf(stage, engine, model) : 0;
    return inputsUs + engines.slowFactor[engine]! * this.#plainUs(stage, engine, share, pair, level);
  }

  #wouldBeginUs(stage: number, engine: number, placeUs: number): number {
    const model = this.scene.modelOf[stage]!;
    const loadUs = this.residency.has(engine, model) ? 0 : this.residency.loadUs(engine, model);
    return this.#beginUs(this.freeUs[engine]!, loadUs, placeUs);
  }
}
