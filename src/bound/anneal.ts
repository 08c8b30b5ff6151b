/**
 * Looks for a better plan by annealing: a small change of order, engines or split, decoded, kept if it is better or by luck.
 * Half of the changes go to stages on the critical chain. The budget is a number of decoded plans, so a seed gives one answer.
 */

import { drawInteger, drawOne } from "../random/distributions.ts";
import type { Rng } from "../random/rng.ts";
import { Decoder, type Decoded } from "./decode-plan.ts";
import type { Instance } from "./instance.ts";
import type { PlanShare, WholePlan } from "./plan.ts";
import type { Services } from "./services.ts";

export type AnnealOptions = {
  /** Plans to decode. */
  readonly plans: number;
  /** Over how many engines of one host a stage may be split. */
  readonly mostShards: number;
  /** How much longer, as a part of the end at the start, a plan may get at the first steps; falls to `coldest`. */
  readonly hottest?: number;
};

export type Annealed = { readonly plan: WholePlan; readonly endUs: number };

const defaultHottest = 0.05;
const coldest = 0.0002;
/** What an engine's time counts beside the end of the whole, so that plans with equal ends differ. */
const engineWeight = 0.02;
/** How often all stages of a model on an engine move at once. */
const wholeGroups = 0.15;

export function anneal(
  instance: Instance,
  services: Services,
  start: WholePlan,
  rng: Rng,
  { plans, mostShards, hottest = defaultHottest }: AnnealOptions,
): Annealed {
  const decoder = new Decoder(instance, services);
  const walk = new Walk(instance, start, rng, mostShards);
  let current = decoder.decode(walk.plan);
  let currentCost = costOf(instance, current);
  let best: Annealed = { plan: walk.copy(), endUs: current.endUs };
  if (walk.movable === 0) return best;
  const scale = current.endUs;
  walk.follow(current);
  for (let step = 0; step < plans; step++) {
    const undo = walk.change();
    if (undo === undefined) continue;
    const decoded = decoder.decode(walk.plan);
    const cost = costOf(instance, decoded);
    const heat = scale * hottest * (coldest / hottest) ** (step / plans);
    if (cost > currentCost && rng.next() >= Math.exp((currentCost - cost) / heat)) {
      undo();
      continue;
    }
    [current, currentCost] = [decoded, cost];
    if (current.endUs < best.endUs) best = { plan: walk.copy(), endUs: current.endUs };
    walk.follow(current);
  }
  return best;
}

function costOf({ engines }: Instance, { endUs, enginesUs }: Decoded): number {
  return endUs + (engineWeight * enginesUs) / engines.length;
}

type Undo = () => void;

/** A plan that changes step by step and can take each step back. */
class Walk {
  readonly #instance: Instance;
  readonly #rng: Rng;
  readonly #mostShards: number;
  readonly #order: number[];
  readonly #shares: (readonly PlanShare[])[];
  readonly #stages: readonly number[];
  #critical: readonly number[] = [];

  constructor(instance: Instance, plan: WholePlan, rng: Rng, mostShards: number) {
    this.#instance = instance;
    this.#rng = rng;
    this.#mostShards = mostShards;
    this.#order = [...plan.order];
    this.#shares = [...plan.shares];
    this.#stages = instance.stages.flatMap(({ stage }, index) => (stage === undefined ? [] : [index]));
  }

  get plan(): WholePlan {
    return { order: this.#order, shares: this.#shares };
  }

  /** Stages that can be moved at all. */
  get movable(): number {
    return this.#stages.length;
  }

  copy(): WholePlan {
    return { order: [...this.#order], shares: [...this.#shares] };
  }

  /** Notes the chain of stages that decided the end. */
  follow({ endUs, endsUs, waitedFor }: Decoded): void {
    const chain: number[] = [];
    for (let index = endsUs.indexOf(endUs); index >= 0 && chain.length < endsUs.length;) {
      if (this.#instance.stages[index]?.stage !== undefined) chain.push(index);
      index = waitedFor[index] ?? -1;
    }
    this.#critical = chain;
  }

  /** Undefined if the draw would change nothing. */
  change(): Undo | undefined {
    const rng = this.#rng;
    const critical = this.#critical.length > 0 && rng.next() < 0.5;
    const index = drawOne(rng, critical ? this.#critical : this.#stages);
    if (rng.next() < wholeGroups) return this.#changeGroup(index);
    const draw = rng.next();
    if (draw < 0.4) return this.#reassign(index);
    if (draw < 0.65) return this.#reorder(index);
    if (draw < 0.8) return both(this.#reassign(index), this.#reorder(index));
    if (draw < 0.87) return this.#swap(index);
    return this.#split(index);
  }

  /** Many stages at once, since a load is saved only once the last stage that needs it has gone. */
  #changeGroup(index: number): Undo | undefined {
    const draw = this.#rng.next();
    if (draw < 0.5) return this.#clearOne(index);
    return draw < 0.75 ? this.#moveModel(index) : this.#dissolve(index);
  }

  #reassign(index: number): Undo | undefined {
    const { engines, model } = this.#instance.stages[index] as Instance["stages"][number];
    let engine = drawOne(this.#rng, engines);
    if (this.#rng.next() < 0.5) {
      // Where another stage of the model runs.
      const other = drawOne(this.#rng, this.#stages);
      const there = this.#shares[other]?.[0]?.engine ?? engine;
      if (this.#instance.stages[other]?.model === model && engines.includes(there)) engine = there;
    }
    const items = this.#instance.stages[index]?.stage?.items ?? 1;
    return this.#assign(index, [{ engine, items }]);
  }

  #assign(index: number, shares: readonly PlanShare[]): Undo | undefined {
    const before = this.#shares[index] ?? [];
    if (before.length === 1 && shares.length === 1 && before[0]?.engine === shares[0]?.engine) return undefined;
    this.#shares[index] = shares;
    return () => (this.#shares[index] = before);
  }

  #split(index: number): Undo | undefined {
    const { stage, engines } = this.#instance.stages[index] as Instance["stages"][number];
    const items = stage?.items ?? 1;
    if (items < 2 || this.#mostShards < 2) return undefined;
    const first = drawOne(this.#rng, engines);
    const host = this.#instance.engines[first]?.host;
    const others = engines.filter((engine) => engine !== first && this.#instance.engines[engine]?.host === host);
    if (others.length === 0) return undefined;
    const count = Math.min(
      items,
      others.length + 1,
      this.#mostShards < 3 ? 2 : drawInteger(this.#rng, 2, this.#mostShards),
    );
    const chosen = [first];
    while (chosen.length < count) {
      const other = drawOne(this.#rng, others);
      if (!chosen.includes(other)) chosen.push(other);
    }
    const even = Math.floor(items / count);
    const spread = Math.max(0, Math.min(even - 1, Math.round(items / 6)));
    const lead = Math.max(1, items - even * (count - 1) + (spread === 0 ? 0 : drawInteger(this.#rng, -spread, spread)));
    return this.#assign(
      index,
      chosen.map((engine, at) => ({ engine, items: at === 0 ? lead : restOf(items - lead, count - 1, at - 1) })),
    );
  }

  #reorder(index: number): Undo | undefined {
    const from = this.#order.indexOf(index);
    const { node } = this.#instance.stages[index] as Instance["stages"][number];
    let low = from;
    while (low > 0 && !node.parents.some((parent) => parent.index === this.#order[low - 1])) low -= 1;
    let high = from;
    while (high + 1 < this.#order.length && !node.children.includes(this.#order[high + 1] ?? -1)) high += 1;
    if (low === high) return undefined;
    const near = this.#rng.next() < 0.5;
    const to = near
      ? drawInteger(this.#rng, Math.max(low, from - 12), Math.min(high, from + 12))
      : drawInteger(this.#rng, low, high);
    if (to === from) return undefined;
    this.#move(from, to);
    return () => this.#move(to, from);
  }

  #move(from: number, to: number): void {
    const [index] = this.#order.splice(from, 1);
    this.#order.splice(to, 0, index as number);
  }

  /** Two stages trade engines. */
  #swap(index: number): Undo | undefined {
    const other = drawOne(this.#rng, this.#stages);
    const mine = this.#shares[index]?.[0]?.engine;
    const theirs = this.#shares[other]?.[0]?.engine;
    const { stages } = this.#instance;
    if (mine === undefined || theirs === undefined || mine === theirs) return undefined;
    if (!stages[index]?.engines.includes(theirs) || !stages[other]?.engines.includes(mine)) return undefined;
    return both(
      this.#assign(index, [{ engine: theirs, items: stages[index]?.stage?.items ?? 1 }]),
      this.#assign(other, [{ engine: mine, items: stages[other]?.stage?.items ?? 1 }]),
    );
  }

  /** The engine of the stage does without another of its models. */
  #clearOne(index: number): Undo | undefined {
    const { stages } = this.#instance;
    const engine = this.#shares[index]?.[0]?.engine;
    const others = this.#stages.filter(
      (each) => stages[each]?.model !== stages[index]?.model && this.#shares[each]?.[0]?.engine === engine,
    );
    return others.length === 0 ? undefined : this.#dissolve(drawOne(this.#rng, others));
  }

  /** The engine does without the model: its stages go to engines that other stages of the model are on. */
  #dissolve(index: number): Undo | undefined {
    const { stages } = this.#instance;
    const { model } = stages[index] as Instance["stages"][number];
    const from = this.#shares[index]?.[0]?.engine;
    const alike = this.#stages.filter((each) => stages[each]?.model === model);
    const holding = new Set(alike.map((each) => this.#shares[each]?.[0]?.engine ?? 0));
    let undo: Undo | undefined;
    for (const each of alike) {
      if (this.#shares[each]?.every(({ engine }) => engine !== from) === true) continue;
      const able = (stages[each]?.engines ?? []).filter((engine) => engine !== from && holding.has(engine));
      if (able.length === 0) continue;
      const items = stages[each]?.stage?.items ?? 1;
      undo = both(undo, this.#assign(each, [{ engine: drawOne(this.#rng, able), items }]));
    }
    return undo;
  }

  /** All stages of the model leave the engine for another one. */
  #moveModel(index: number): Undo | undefined {
    const { stages } = this.#instance;
    const { model, engines } = stages[index] as Instance["stages"][number];
    const from = this.#shares[index]?.[0]?.engine;
    const to = drawOne(this.#rng, engines);
    let undo: Undo | undefined;
    for (const each of this.#stages) {
      if (
        stages[each]?.model !== model ||
        this.#shares[each]?.[0]?.engine !== from ||
        !stages[each]?.engines.includes(to)
      )
        continue;
      undo = both(undo, this.#assign(each, [{ engine: to, items: stages[each]?.stage?.items ?? 1 }]));
    }
    return undo;
  }
}

function restOf(items: number, shares: number, at: number): number {
  return Math.floor(items / shares) + (at < items % shares ? 1 : 0);
}

/** Taken back in the opposite order. */
function both(first: Undo | undefined, second: Undo | undefined): Undo | undefined {
  if (first === undefined) return second;
  if (second === undefined) return first;
  return () => {
    second();
    first();
  };
}
