/** Looks for a better plan for as long as its budget lasts. The budget is counted in decoded stages, so equal views get equal plans. */

import type { Luck } from "./luck.ts";
import { Moves } from "./moves.ts";
import { open, openToPairs, type PlanDecoder, type WholePlan } from "./plan.ts";
import type { Scene } from "./scene.ts";
import type { ForesightSettings } from "./settings.ts";
import type { Valuer } from "./value.ts";

export type Judged = WholePlan & { readonly cost: number };

const coolest = 0.01;
const mostHeat = 0.2;
/** How often a change is followed by another one before the plan is judged: some gain only together. */
const again = 0.3;

export class Search {
  readonly #scene: Scene;
  readonly #decoder: PlanDecoder;
  readonly #valuer: Valuer;
  #visits = 0;
  evaluations = 0;

  constructor(scene: Scene, decoder: PlanDecoder, valuer: Valuer) {
    this.#scene = scene;
    this.#decoder = decoder;
    this.#valuer = valuer;
  }

  /** Decodes a plan and settles what it leaves open. */
  judge({ order, told }: WholePlan): Judged {
    const isOpen = told.includes(open) || told.includes(openToPairs);
    const settled = isOpen ? this.#settle({ order, told }, this.#decoder.openVisits) : { order, told };
    return { ...settled, cost: this.#decode(settled.order, settled.told, 1) };
  }

  #settle(plan: WholePlan, visits: number): WholePlan {
    this.#visits += visits * plan.order.length;
    return this.#decoder.settle(plan);
  }

  #decode(order: Int32Array, told: Int32Array, visits: number): number {
    this.#decoder.decode(order, told);
    this.#visits += visits * order.length;
    this.evaluations += 1;
    return this.#valuer.costOf(this.#decoder);
  }

  /** Anneals from `start` until `visits` stages have been decoded in all, or the plan is due. */
  improve(start: Judged, luck: Luck, visits: number, { heat }: ForesightSettings, isDue?: () => boolean): Judged {
    const moves = new Moves(this.#scene, luck, this.#decoder.byRuns);
    if (moves.isIdle) return start;
    let best = start;
    let currentCost = start.cost;
    const order = start.order.slice();
    const told = start.told.slice();
    let critical = this.#criticalOf(start);
    const from = this.#visits;
    const hottest = start.cost * Math.min(mostHeat, heat / this.#scene.stages.length);
    while (this.#visits < visits) {
      if (isDue?.() === true) break;
      moves.order.set(order);
      moves.told.set(told);
      moves.freed = false;
      let changed = moves.change(critical);
      while (luck.next() < again) changed = moves.change(critical) || changed;
      if (!changed) {
        this.#visits += 1;
        continue;
      }
      if (moves.freed) {
        const settled = this.#settle(moves, 1);
        moves.order.set(settled.order);
        moves.told.set(settled.told);
      }
      const cost = this.#decode(moves.order, moves.told, 1);
      const part = (this.#visits - from) / Math.max(1, visits - from);
      const warmth = hottest * coolest ** part;
      if (cost > currentCost && luck.next() >= Math.exp((currentCost - cost) / warmth)) continue;
      currentCost = cost;
      order.set(moves.order);
      told.set(moves.told);
      critical = this.#chain();
      if (cost < best.cost) best = { order: order.slice(), told: told.slice(), cost };
    }
    return best;
  }

  #criticalOf({ order, told }: WholePlan): readonly number[] {
    this.#decode(order, told, 1);
    return this.#chain();
  }

  /** The stages that decide when the workflow ends that ends last, of the plan that was decoded last. */
  #chain(): readonly number[] {
    const { endsUs, waitedFor } = this.#decoder;
    const { stages, modelOf, tailUs } = this.#scene;
    let last = 0;
    let lastUs = 0;
    for (let stage = 0; stage < stages.length; stage++) {
      const endUs = endsUs[stage]! + tailUs[stage]!;
      if (endUs > lastUs) [last, lastUs] = [stage, endUs];
    }
    const chain: number[] = [];
    for (let stage = last; stage >= 0 && stage < stages.length && chain.length <= stages.length;) {
      if (modelOf[stage]! >= 0) chain.push(stage);
      stage = waitedFor[stage]!;
    }
    return chain;
  }
}
