/** What a plan begins now: stages whose engines are free for them, loads that it has next, and victims that it needs last. */

import { isFeasible } from "../../cost/candidate.ts";
import type { Decision } from "../../model/decision.ts";
import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { defer } from "../choose.ts";
import { likenessOf, type Likeness } from "../likeness.ts";
import { pickEarliestWhole, toPlace } from "../greedy-finish.ts";
import { canBegin, createPicture, foresee, hasPlace } from "../picture.ts";
import type { View } from "../policy.ts";
import type { Demand } from "./demand.ts";
import type { PlanDecoder, Starts, WholePlan } from "./plan.ts";
import { planPreloads } from "./preload.ts";
import type { Scene } from "./scene.ts";
import type { ForesightSettings } from "./settings.ts";

/** Ready stages outside the plan that are looked at when engines are left over, of those alike. */
const mostBeyond = 64;

type Acting = Pick<ForesightSettings, "prefetch" | "preload">;

/** `laid`: the decoder, as it has laid out the plan. `starts`: what begins now, where the next of each engine's sequence are not all that can. */
export function act(
  view: View,
  plan: WholePlan,
  laid: PlanDecoder,
  settings: Acting,
  demand: Demand,
  starts?: Starts,
): Decision[] {
  return new Desk(view, plan, laid).work(settings, demand, starts);
}

class Desk {
  readonly #view: View;
  readonly #laid: PlanDecoder;
  readonly #scene: Scene;
  readonly #told: Int32Array;
  readonly #models: readonly ModelId[];
  /** By engine, what it serves, in order. */
  readonly #sequences: readonly (readonly number[])[];
  readonly #decisions: Decision[] = [];
  readonly #decided = new Set<string>();
  readonly #taken = new Set<number>();

  constructor(view: View, { order, told }: WholePlan, laid: PlanDecoder) {
    const { scene } = laid;
    this.#view = view;
    this.#laid = laid;
    this.#scene = scene;
    this.#told = told;
    this.#models = [...view.costs.models.keys()];
    const sequences: number[][] = scene.fleet.engines.map(() => []);
    for (const stage of order) for (const engine of this.#enginesOf(stage)) sequences[engine]!.push(stage);
    this.#sequences = sequences;
  }

  work({ prefetch, preload }: Acting, demand: Demand, starts: Starts | undefined): Decision[] {
    if (starts === undefined) {
      for (const [engine, [next]] of this.#sequences.entries()) if (next !== undefined) this.#begin(engine, next);
      if (prefetch)
        for (const [engine, [next]] of this.#sequences.entries()) if (next !== undefined) this.#load(engine, next);
    } else this.#start(starts);
    this.#fill();
    if (preload) this.#preload(demand);
    const rest = this.#view.ready.filter(({ key }) => !this.#decided.has(key));
    return [...this.#decisions, ...rest.map((stage) => defer(stage, "better-later"))];
  }

  #enginesOf(stage: number): readonly number[] {
    const { fleet } = this.#scene;
    const placement = this.#told[stage]!;
    if (placement < 0) return [];
    return placement < fleet.engines.length ? [placement] : fleet.pairs[placement - fleet.engines.length]!;
  }

  #begin(engine: number, number: number): void {
    const { isReady, stages, times, fleet } = this.#scene;
    const stage = stages[number]!;
    const engines = this.#enginesOf(number);
    if (isReady[number] === 0 || stage.kind === "tool" || engines[0] !== engine) return;
    if (!engines.every((each) => this.#sequences[each]![0] === number && this.#canBegin(each, stage, engines.length)))
      return;
    const lead =
      engines.length === 1 ? stage.items : times[number]!.leadItems(this.#told[number]! - fleet.engines.length);
    const items = [lead, stage.items - lead];
    // A placement has one list of victims, and these two engines may give up different models.
    if (engines.length > 1) for (const each of engines) this.#prefetch(each, stage.model);
    this.#decisions.push({
      kind: "place",
      stage: stage.key,
      shares: engines.map((each, share) => ({ engine: this.#view.cluster.at(each).id, items: items[share]! })),
      rank: 0,
      victims: [...new Set(engines.flatMap((each) => this.#neededLastFirst(each)))],
    });
    this.#decided.add(stage.key);
    for (const each of engines) this.#taken.add(each);
  }

  #start({ stages, loads }: Starts): void {
    const { isReady, fleet } = this.#scene;
    for (const number of stages) {
      const stage = this.#scene.stages[number]!;
      const index = this.#told[number]!;
      if (isReady[number] === 0 || stage.kind === "tool" || index < 0 || index >= fleet.engines.length) continue;
      const engine = this.#view.cluster.at(index);
      if (!isFeasible(this.#view, stage, engine)) continue;
      const shares = [{ engine: engine.id, items: stage.items }];
      this.#decisions.push({ kind: "place", stage: stage.key, shares, rank: 0, victims: this.#neededLastFirst(index) });
      this.#decided.add(stage.key);
      this.#taken.add(index);
    }
    for (const { engine, model } of loads) {
      if (this.#taken.has(engine)) continue;
      this.#taken.add(engine);
      this.#prefetch(engine, this.#models[model]!);
    }
  }

  /** Free, or, where two have to begin together, about to be once it has loaded the model. */
  #canBegin(index: number, stage: VisibleModelStage, engines: number): boolean {
    const engine = this.#view.cluster.at(index);
    if (!isFeasible(this.#view, stage, engine)) return false;
    return canBegin(stage, engine) || (engines > 1 && isLoading(engine, stage.model));
  }

  #load(index: number, number: number): void {
    const stage = this.#scene.stages[number]!;
    const engine = this.#view.cluster.at(index);
    if (stage.kind === "tool" || this.#taken.has(index) || !hasPlace(engine) || engine.isResident(stage.model)) return;
    this.#taken.add(index);
    this.#prefetch(index, stage.model);
  }

  #prefetch(index: number, model: ModelId): void {
    const engine = this.#view.cluster.at(index);
    if (!engine.idle || engine.isResident(model)) return;
    this.#decisions.push({ kind: "prefetch", engine: engine.id, model, victims: this.#neededLastFirst(index) });
  }

  /** The engine's models, the one that its sequence calls last first. */
  #neededLastFirst(index: number): ModelId[] {
    const { modelOf, awayOf, fleet } = this.#scene;
    const due = new Map<number, number>();
    for (const [at, stage] of this.#sequences[index]!.entries())
      if (!due.has(modelOf[stage]!)) due.set(modelOf[stage]!, at);
    const dueOf = (model: number): number => due.get(model) ?? Infinity;
    return this.#view.cluster
      .at(index)
      .residents.map(({ model }) => fleet.modelNumber(model))
      .sort((left, right) => compare(dueOf(right), dueOf(left)) || compare(awayOf[right]!, awayOf[left]!))
      .map((model) => this.#models[model]!);
  }

  /** Before the plan is over: what comes then finds the models there. */
  #preload(demand: Demand): void {
    const { cluster } = this.#view;
    const idle = [...cluster].filter(
      ({ holding: { index } }) => !this.#taken.has(index) && this.#sequences[index]!.length === 0,
    );
    const { residency, endsUs } = this.#laid;
    const copiesOf = (model: ModelId): number => residency.copiesOf(this.#scene.fleet.modelNumber(model));
    const endUs = endsUs.reduce((last, each) => Math.max(last, each), this.#view.nowUs);
    this.#decisions.push(...planPreloads(this.#view, idle, demand, copiesOf, endUs));
  }

  /** Gives engines to ready stages outside the plan that end there before it has anything to begin. */
  #fill(): void {
    const { beyond } = this.#scene;
    if (beyond.length === 0) return;
    const picture: View = { ...this.#view, ...createPicture(this.#view) };
    const planned = new Set(this.#taken);
    const looked = new Map<Likeness, number>();
    for (const stage of beyond) {
      if (stage.kind === "tool") continue;
      const likeness = likenessOf(stage);
      const alike = looked.get(likeness) ?? 0;
      if (alike === mostBeyond) continue;
      looked.set(likeness, alike + 1);
      const best = pickEarliestWhole(picture, stage);
      const [share] = best?.shares ?? [];
      if (best === undefined || share === undefined) continue;
      const { index } = share.engine.holding;
      if (planned.has(index) || !canBegin(stage, share.engine)) continue;
      if (best.endUs > this.#nextUs(index)) continue;
      this.#decisions.push(toPlace(stage, best));
      this.#decided.add(stage.key);
      foresee(picture, stage, best);
      this.#taken.add(index);
    }
  }

  /** When the plan begins something on the engine. */
  #nextUs(index: number): number {
    return this.#sequences[index]!.reduce((first, stage) => Math.min(first, this.#laid.beginsUs[stage]!), Infinity);
  }
}

function isLoading({ residents, running, queue, open }: EngineState, model: ModelId): boolean {
  const loading = residents.find((resident) => resident.loading);
  return open && running.length === 0 && queue.length === 0 && loading?.model === model;
}

function compare(left: number, right: number): number {
  return left === right ? 0 : left - right;
}
