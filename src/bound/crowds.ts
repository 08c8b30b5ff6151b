/**
 * What must run before a stage, or after it, taken together: work over capacity, from the earliest of its begins. A path knows one parent
 * at a time; where a graph narrows to a merge, this is what its wide layers cost one after another.
 */

import { leastSpanUs, plannedSpanUs, type Loads } from "./capacity.ts";
import type { Crowds } from "./paths.ts";
import type { Places } from "./places.ts";
import type { TrueStage } from "./true-workflow.ts";
import { within, type StageWork } from "./stage-work.ts";
import { pickThresholds } from "./thresholds.ts";

/** Begins that are tried for a stage, at most; measured: 10 bound less by 0.3%. */
const mostThresholds = 24;
/** Of prices. */
const rounds = 120;

/** `loads`: those of a start at 0, which a crowd counts if it begins there; later ones may have been loaded for before. */
export function toCrowds(
  stages: readonly TrueStage[],
  work: readonly StageWork[],
  places: Places,
  loads: Loads | undefined,
): Crowds {
  const models = new Set(stages.flatMap((node, index) => (node.kind === "model" ? [index] : [])));
  const ancestors = reach(stages, [...stages.keys()], ({ parents }) => parents.map(({ index }) => index));
  const descendants = reach(stages, [...stages.keys()].toReversed(), ({ children }) => children);
  /** Siblings have one crowd. */
  const known = new Map<string, number>();
  /** Or 0 where it is known to be no more than `atLeastUs`. */
  const spanUs = (crowd: readonly number[], counted: Loads | undefined, atLeastUs: number): number => {
    const key = `${counted === undefined ? "" : "loads "}${crowd.join(" ")}`;
    let us = known.get(key);
    if (us === undefined) {
      const inside = new Set(crowd);
      const own = within(work, (index) => inside.has(index));
      if (counted === undefined && plannedSpanUs(own, places) <= atLeastUs) return 0;
      us = leastSpanUs(own, places, counted, atLeastUs, rounds);
      known.set(key, us);
    }
    return us;
  };
  const widestUs = (all: ReadonlySet<number>, fromUs: ArrayLike<number>, pathUs: number, early: Loads | undefined) => {
    const crowd = [...all].filter((index) => models.has(index)).sort((left, right) => left - right);
    let widest = pathUs;
    for (const from of pickThresholds(
      crowd.map((index) => fromUs[index] ?? 0),
      mostThresholds,
    )) {
      const inside = crowd.filter((index) => (fromUs[index] ?? 0) >= from);
      if (inside.length < 2) continue;
      widest = Math.max(widest, from + spanUs(inside, from === 0 ? early : undefined, widest - from));
    }
    return widest;
  };
  return {
    beforeUs: (index, headUs, pathUs) => widestUs(ancestors[index] ?? new Set(), headUs, pathUs, loads),
    afterUs: (index, tailUs, pathUs) => widestUs(descendants[index] ?? new Set(), tailUs, pathUs, undefined),
  };
}

/** By stage, all that lie that way. */
function reach(
  stages: readonly TrueStage[],
  order: readonly number[],
  next: (stage: TrueStage) => readonly number[],
): readonly ReadonlySet<number>[] {
  const sets = stages.map(() => new Set<number>());
  for (const index of order) {
    for (const near of next(stages[index] as TrueStage)) {
      sets[index]?.add(near);
      for (const far of sets[near] ?? []) sets[index]?.add(far);
    }
  }
  return sets;
}
