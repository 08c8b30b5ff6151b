/** Plans from scratch: orders in which each stage then goes where it ends first. */

import { open, openToPairs, parentsFirst, type WholePlan } from "./plan.ts";
import type { Scene } from "./scene.ts";

/** Workflow by workflow as their turn comes, inside each the longest path first. */
export function byTurn(scene: Scene): readonly number[] {
  const { stages, workflowOf, rankUs } = scene;
  return [...stages.keys()].sort(
    (left, right) =>
      stages[right]!.priority - stages[left]!.priority ||
      workflowOf[left]! - workflowOf[right]! ||
      rankUs[right]! - rankUs[left]! ||
      left - right,
  );
}

/** The longest path first, whosever it is. */
export function byRank({ stages, rankUs }: Scene): readonly number[] {
  return [...stages.keys()].sort((left, right) => rankUs[right]! - rankUs[left]! || left - right);
}

/** The workflow that came first, inside it the longest path. */
export function byArrival({ stages, workflows, workflowOf, rankUs }: Scene): readonly number[] {
  const arriveUs = (stage: number): number => workflows[workflowOf[stage]!]!.arriveUs;
  return [...stages.keys()].sort(
    (left, right) => arriveUs(left) - arriveUs(right) || rankUs[right]! - rankUs[left]! || left - right,
  );
}

export function leaveOpen(scene: Scene, order: Iterable<number>, pairs: boolean): WholePlan {
  const told = new Int32Array(scene.stages.length).fill(pairs ? openToPairs : open);
  return { order: parentsFirst(scene, order), told };
}

/**
 * Each stage on an engine that holds its model, the one with the least to do; where none of those that may take it does, on one that holds
 * it from then on, and no longer what has to make way. If each goes where it ends first instead, engines are turned away from what is
 * called next there, and small changes do not bring that back.
 */
export function stayHome(scene: Scene, order: Iterable<number>): WholePlan {
  const { fleet, engines, able, times, modelOf, stages } = scene;
  const parentsBefore = parentsFirst(scene, order);
  const told = new Int32Array(stages.length).fill(open);
  const homes = new Homes(scene);
  const freeUs = engines.freeUs.slice();
  for (const stage of parentsBefore) {
    const model = modelOf[stage]!;
    const there = able[stage]!.filter((engine) => homes.has(engine, model));
    let best = open;
    let leastUs = Infinity;
    for (const engine of there.length > 0 ? there : able[stage]!) {
      const loadUs = there.length > 0 ? 0 : fleet.loadUs[engine * fleet.models + model]! + homes.lostUs(engine, model);
      const us = freeUs[engine]! + loadUs + times[stage]!.wholeUs(engine, 0);
      if (us < leastUs) [best, leastUs] = [engine, us];
    }
    if (best === open) continue;
    told[stage] = best;
    freeUs[best] = leastUs;
    if (there.length === 0) homes.load(best, model);
  }
  return { order: parentsBefore, told };
}

/** Which models engines hold while stages are told where to stay. */
class Homes {
  readonly #fleet: Scene["fleet"];
  /** By engine. */
  readonly #held: (readonly number[])[];

  constructor({ fleet, engines: { residents, held, span } }: Scene) {
    this.#fleet = fleet;
    this.#held = fleet.engines.map((_, engine) => [
      ...residents.subarray(engine * span, engine * span + held[engine]!),
    ]);
  }

  has(engine: number, model: number): boolean {
    return this.#held[engine]!.includes(model);
  }

  /** What it takes to bring back the models that would make way and that nobody else holds. */
  lostUs(engine: number, model: number): number {
    const kept = this.#keptBeside(engine, model);
    let us = 0;
    for (const each of this.#held[engine]!)
      if (!kept.includes(each) && !this.#isElsewhere(each, engine)) us += this.#loadUs(engine, each);
    return us;
  }

  load(engine: number, model: number): void {
    this.#held[engine] = [...this.#keptBeside(engine, model), model];
  }

  /** Of what the engine holds, as much as there is room for: first what nobody else holds and takes longest to load. */
  #keptBeside(engine: number, model: number): readonly number[] {
    const { memoryBytes, footprintBytes, mostResidents, models } = this.#fleet;
    const bytesOf = (each: number): number => footprintBytes[engine * models + each]!;
    const worth = (each: number): number => (this.#isElsewhere(each, engine) ? 0 : this.#loadUs(engine, each));
    let freeBytes = memoryBytes[engine]! - bytesOf(model);
    const kept: number[] = [];
    for (const each of this.#held[engine]!.toSorted((left, right) => worth(right) - worth(left))) {
      if (kept.length + 1 >= mostResidents[engine]! || bytesOf(each) > freeBytes) continue;
      kept.push(each);
      freeBytes -= bytesOf(each);
    }
    return kept;
  }

  #isElsewhere(model: number, engine: number): boolean {
    return this.#held.some((held, other) => other !== engine && held.includes(model));
  }

  #loadUs(engine: number, model: number): number {
    return this.#fleet.loadUs[engine * this.#fleet.models + model]!;
  }
}
