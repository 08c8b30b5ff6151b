/** How long plans took, as a histogram: small enough to keep for every cell, and fine enough for quantiles. */

/** Steps are this much wider from one to the next, so that a quantile is known to 2.5%. */
const growth = 1.05;

/** Number of a step and how many plans fell into it, ascending. */
export type PlanSteps = readonly (readonly [step: number, count: number])[];

export type PlanTimes = {
  /** Adds one plan. */
  readonly add: (ms: number) => void;
  readonly steps: () => PlanSteps;
};

export function createPlanTimes(): PlanTimes {
  const counts = new Map<number, number>();
  return {
    add: (ms) => {
      const step = Math.round(Math.log(Math.max(ms, 1e-6)) / Math.log(growth));
      counts.set(step, (counts.get(step) ?? 0) + 1);
    },
    steps: () => [...counts].sort(([left], [right]) => left - right),
  };
}

export function mergeSteps(lists: readonly PlanSteps[]): PlanSteps {
  const counts = new Map<number, number>();
  for (const [step, count] of lists.flat()) counts.set(step, (counts.get(step) ?? 0) + count);
  return [...counts].sort(([left], [right]) => left - right);
}

/** Milliseconds that this share of the plans did not exceed; 0 without plans. */
export function stepQuantileMs(steps: PlanSteps, share: number): number {
  const rank = Math.ceil(share * steps.reduce((sum, [, count]) => sum + count, 0) - 1e-9);
  let seen = 0;
  for (const [step, count] of steps) {
    seen += count;
    if (seen >= rank) return growth ** step;
  }
  return 0;
}
