/** Small changes of a plan, drawn at random. Each changes the plan in place and says whether it changed anything. */

import type { Luck } from "./luck.ts";
import { open } from "./plan.ts";
import type { Scene } from "./scene.ts";

export class Moves {
  readonly order: Int32Array;
  readonly told: Int32Array;
  /** Whether changes left stages to go where they end first. */
  freed = false;

  readonly #scene: Scene;
  readonly #luck: Luck;
  readonly #at: Int32Array;
  readonly #movable: readonly number[];
  readonly #byRuns: boolean;

  /** `byRuns`: engines serve runs of one model side by side, so that what changes engines had better stand next to its like. */
  constructor(scene: Scene, luck: Luck, byRuns = false) {
    this.#byRuns = byRuns;
    this.#scene = scene;
    this.#luck = luck;
    this.order = new Int32Array(scene.stages.length);
    this.told = new Int32Array(scene.stages.length);
    this.#at = new Int32Array(scene.stages.length);
    this.#movable = [...scene.stages.keys()].filter((stage) => scene.able[stage]!.length > 0);
  }

  get isIdle(): boolean {
    return this.#movable.length === 0;
  }

  /** Half of the changes go to `critical` stages. */
  change(critical: readonly number[]): boolean {
    for (let at = 0; at < this.order.length; at++) this.#at[this.order[at]!] = at;
    const luck = this.#luck;
    const some = critical.length > 0 && luck.next() < 0.5 ? critical : this.#movable;
    const stage = some[luck.below(some.length)]!;
    if (this.#scene.modelOf[stage]! < 0) return false;
    const draw = luck.next();
    if (draw < 0.35) return this.#reassign(stage);
    if (draw < 0.6) return this.#reinsert(stage);
    if (draw < 0.75) {
      const moved = this.#reassign(stage);
      return this.#reinsert(stage) || moved;
    }
    if (draw < 0.8) return this.#moveRun(stage);
    if (draw < 0.83) return this.#gather(stage);
    if (draw < 0.88) return this.#split(stage);
    if (draw < 0.96) return this.#freeWindow(stage);
    return this.#freeModel(stage);
  }

  #reassign(stage: number): boolean {
    const { able, modelOf } = this.#scene;
    const luck = this.#luck;
    let engine = able[stage]![luck.below(able[stage]!.length)]!;
    if (luck.next() < 0.5) {
      // Where another stage of the model runs.
      const other = this.#movable[luck.below(this.#movable.length)]!;
      const there = this.told[other]!;
      if (modelOf[other] === modelOf[stage] && able[stage]!.includes(there)) engine = there;
    }
    if (this.told[stage] === engine) return this.#byRuns && this.#joinRun(stage);
    this.told[stage] = engine;
    if (this.#byRuns && luck.next() < joining) this.#joinRun(stage);
    return true;
  }

  /** Next to the nearest stage of its model on its engine, as far as its parents and children let it. */
  #joinRun(stage: number): boolean {
    const { modelOf } = this.#scene;
    const from = this.#at[stage]!;
    const isLike = (at: number): boolean => {
      const other = this.order[at];
      return other !== undefined && modelOf[other] === modelOf[stage] && this.told[other] === this.told[stage];
    };
    for (let away = 1; away < this.order.length; away++) {
      if (isLike(from - away)) return this.#moveTo(stage, from - away + 1);
      if (isLike(from + away)) return this.#moveTo(stage, from + away - 1);
    }
    return false;
  }

  #split(stage: number): boolean {
    const pairs = this.#scene.ablePairs[stage]!;
    if (pairs.length === 0) return this.#reassign(stage);
    const pair = this.#scene.fleet.engines.length + pairs[this.#luck.below(pairs.length)]!;
    if (this.told[stage] === pair) return false;
    this.told[stage] = pair;
    return true;
  }

  /** Elsewhere in the order, between its parents and its children. */
  #reinsert(stage: number): boolean {
    const { parentStarts, parents, children, stages } = this.#scene;
    let first = 0;
    for (let edge = parentStarts[stage]!; edge < parentStarts[stage + 1]!; edge++)
      if (parents[edge]! < stages.length) first = Math.max(first, this.#at[parents[edge]!]! + 1);
    let last = stages.length - 1;
    for (const child of children[stage]!) last = Math.min(last, this.#at[child]! - 1);
    const from = this.#at[stage]!;
    if (this.#luck.next() < 0.5) {
      first = Math.max(first, from - near);
      last = Math.min(last, from + near);
    }
    return this.#shift(stage, first + this.#luck.below(last - first + 1));
  }

  /** As near to a position as its parents and children let it. */
  #moveTo(stage: number, wanted: number): boolean {
    const { parentStarts, parents, children, stages } = this.#scene;
    let first = 0;
    for (let edge = parentStarts[stage]!; edge < parentStarts[stage + 1]!; edge++)
      if (parents[edge]! < stages.length) first = Math.max(first, this.#at[parents[edge]!]! + 1);
    let last = stages.length - 1;
    for (const child of children[stage]!) last = Math.min(last, this.#at[child]! - 1);
    return this.#shift(stage, Math.min(last, Math.max(first, wanted)));
  }

  #shift(stage: number, to: number): boolean {
    const from = this.#at[stage]!;
    if (to === from) return false;
    if (to < from) this.order.copyWithin(to + 1, to, from);
    else this.order.copyWithin(from, from + 1, to + 1);
    this.order[to] = stage;
    for (let at = Math.min(from, to); at <= Math.max(from, to); at++) this.#at[this.order[at]!] = at;
    return true;
  }

  /** All that follows on the stage's engine without another model between goes to another engine with it. */
  #moveRun(stage: number): boolean {
    const { able, modelOf } = this.#scene;
    const from = this.told[stage]!;
    const to = able[stage]![this.#luck.below(able[stage]!.length)]!;
    if (to === from || from < 0) return false;
    for (let at = this.#at[stage]!; at < this.order.length; at++) {
      const each = this.order[at]!;
      if (this.told[each] !== from || modelOf[each]! < 0) continue;
      if (modelOf[each] !== modelOf[stage]) break;
      if (able[each]!.includes(to)) this.told[each] = to;
    }
    return true;
  }

  /** Some that follow of the stage's model, wherever they are, come together on one engine: loads are saved by all or none. */
  #gather(stage: number): boolean {
    const { able, modelOf } = this.#scene;
    const to = able[stage]![this.#luck.below(able[stage]!.length)]!;
    let left = 2 + this.#luck.below(12);
    for (let at = this.#at[stage]!; at < this.order.length && left > 0; at++) {
      const each = this.order[at]!;
      if (modelOf[each] !== modelOf[stage] || !able[each]!.includes(to)) continue;
      this.told[each] = to;
      if (this.#byRuns) this.#joinRun(each);
      left -= 1;
    }
    return true;
  }

  /** Stages that follow each other in the order go where they end first. */
  #freeWindow(stage: number): boolean {
    const from = this.#at[stage]!;
    const to = Math.min(this.order.length, from + 3 + this.#luck.below(8));
    for (let at = from; at < to; at++) this.told[this.order[at]!] = open;
    return (this.freed = true);
  }

  /** So do some that follow of one model. */
  #freeModel(stage: number): boolean {
    const { modelOf } = this.#scene;
    let left = 4 + this.#luck.below(12);
    for (let at = this.#at[stage]!; at < this.order.length && left > 0; at++) {
      const each = this.order[at]!;
      if (modelOf[each] !== modelOf[stage]) continue;
      this.told[each] = open;
      left -= 1;
    }
    return (this.freed = true);
  }
}

/** Positions that a stage moves by, half of the times. */
const near = 12;

/** How often a stage that changes engines joins a run there. */
const joining = 0.7;
