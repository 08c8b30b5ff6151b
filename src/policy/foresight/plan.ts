/** A complete plan: the order in which stages take their engines, and where each goes. */

import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { Residency } from "./residency.ts";
import type { Scene } from "./scene.ts";

/** Where a stage goes: an engine's number, or that of a pair behind all engines, or one of these two. */
export type Placement = number;
/** Where it ends first. */
export const open: Placement = -1;
/** The same, pairs included. */
export const openToPairs: Placement = -2;

export type WholePlan = {
  /** Every stage of the scene once, parents before children. */
  readonly order: Int32Array;
  /** By stage. */
  readonly told: Int32Array;
};

/** Lays plans out in time. What a pass has found stands until the next one. */
export type PlanDecoder = {
  readonly scene: Scene;
  readonly decode: (order: Int32Array, told: Int32Array) => void;
  /** The plan with a place for what it left open, in an order that has the same outcome. */
  readonly settle: (plan: WholePlan) => WholePlan;
  /** A stage that is left open is tried on every engine, which costs about so many times a visit. */
  readonly openVisits: number;
  /** Whether engines serve runs of one model, the stages of which run side by side. */
  readonly byRuns: boolean;
  /** By stage, as the last pass had it. */
  readonly beginsUs: Float64Array;
  /** By stage and source. */
  readonly endsUs: Float64Array;
  /** By stage: what it waited for last. */
  readonly waitedFor: Int32Array;
  /** By engine, when it is free. */
  readonly freeUs: Float64Array;
  /** By workflow, when what has begun of it ends. */
  readonly baseEndsUs: Float64Array;
  /** What engines hold when the pass is over. */
  readonly residency: Residency;
};

/** What a plan begins now. */
export type Starts = {
  readonly stages: readonly number[];
  /** Models that idle engines load ahead. */
  readonly loads: readonly { readonly engine: number; readonly model: number }[];
};

/** What is kept of a plan until the next decision: keys in order, and where each was to go. */
export type PlanMemory = {
  readonly workflows: readonly WorkflowId[];
  readonly order: readonly StageKey[];
  readonly told: readonly Placement[];
};

export function toRemember({ stages, workflows }: Scene, { order, told }: WholePlan): PlanMemory {
  return {
    workflows: workflows.map(({ id }) => id),
    order: Array.from(order, (stage) => stages[stage]!.key),
    told: Array.from(order, (stage) => told[stage]!),
  };
}

/** The last plan as far as it still holds, what is new before or behind it. */
export function recall(scene: Scene, before: PlanMemory, rest: readonly number[], restFirst: boolean): WholePlan {
  const numbers = new Map(scene.stages.map(({ key }, stage) => [key, stage]));
  const told = new Int32Array(scene.stages.length).fill(open);
  const known: number[] = [];
  for (const [at, key] of before.order.entries()) {
    const stage = numbers.get(key);
    if (stage === undefined) continue;
    known.push(stage);
    const placement = before.told[at]!;
    if (mayGo(scene, stage, placement)) told[stage] = placement;
  }
  const taken = new Set(known);
  const fresh = rest.filter((stage) => !taken.has(stage));
  const order = parentsFirst(scene, restFirst ? [...fresh, ...known] : [...known, ...fresh]);
  return { order, told };
}

export function mayGo({ able, ablePairs, fleet }: Scene, stage: number, placement: Placement): boolean {
  const count = fleet.engines.length;
  return placement < count ? able[stage]!.includes(placement) : ablePairs[stage]!.includes(placement - count);
}

/** The same order, but each stage's parents moved before it where they were not. */
export function parentsFirst({ parentStarts, parents, stages }: Scene, wanted: Iterable<number>): Int32Array {
  const order = new Int32Array(stages.length);
  const placed = new Uint8Array(stages.length);
  let count = 0;
  const place = (stage: number): void => {
    if (placed[stage] === 1) return;
    placed[stage] = 1;
    for (let at = parentStarts[stage]!; at < parentStarts[stage + 1]!; at++)
      if (parents[at]! < stages.length) place(parents[at]!);
    order[count++] = stage;
  };
  for (const stage of wanted) place(stage);
  return order;
}
