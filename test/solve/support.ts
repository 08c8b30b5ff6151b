/** Random problems, and the answer that nobody doubts: every choice tried. */

import fc from "fast-check";
import { Assignment, type Choice, costOf, isFeasible, type JointTerm, waiting } from "../../src/solve/assignment.ts";

export type Size = { readonly jobs: number; readonly candidates: number };

/** Small, tight and tie-ridden: few distinct costs, scarce resources, shared groups, bonuses and maluses. */
export function anyProblem({ jobs, candidates }: Size): fc.Arbitrary<Assignment> {
  const resources = 3;
  const groups = 3;
  const cost = fc.integer({ min: -3, max: 12 });
  const use = fc.record({ resource: fc.nat({ max: resources - 1 }), amount: fc.nat({ max: 3 }) });
  const candidate = fc.record({
    cost,
    uses: fc.uniqueArray(use, { maxLength: 2, selector: ({ resource }) => resource }),
    groups: fc.uniqueArray(fc.nat({ max: groups - 1 }), { maxLength: 2 }),
  });
  const job = fc.record({
    waitCost: fc.integer({ min: 0, max: 20 }),
    candidates: fc.array(candidate, { maxLength: candidates }),
  });
  const pick = fc.record({ job: fc.nat({ max: jobs - 1 }), candidate: fc.nat({ max: candidates - 1 }) });
  const joint = fc.record({ left: pick, right: pick, cost: fc.integer({ min: -8, max: 8 }) });
  return fc
    .record({
      jobs: fc.array(job, { maxLength: jobs }),
      capacities: fc.array(fc.nat({ max: 5 }), { minLength: resources, maxLength: resources }),
      groupCosts: fc.array(fc.nat({ max: 9 }), { minLength: groups, maxLength: groups }),
      joints: fc.array(joint, { maxLength: 3 * jobs }),
    })
    .map((parts) => new Assignment({ ...parts, joints: keepSound(parts.jobs, parts.joints) }));
}

/** Every job so many times; without joint terms, which would tell them apart. */
export function withTwins({ jobs, capacities, groupCosts }: Assignment, times: number): Assignment {
  const repeated = jobs.flatMap((job) => Array.from({ length: times }, () => job));
  return new Assignment({ jobs: repeated, capacities, groupCosts });
}

/** Drops joint terms that name no pair of candidates of two jobs, or one that is named already. */
function keepSound(jobs: Assignment["jobs"], joints: readonly JointTerm[]): JointTerm[] {
  const seen = new Set<string>();
  return joints.filter(({ left, right }) => {
    const key = [left, right]
      .map((end) => `${end.job}.${end.candidate}`)
      .sort()
      .join(" ");
    const known = [left, right].every((end) => end.candidate < (jobs[end.job]?.candidates.length ?? 0));
    if (!known || left.job === right.job || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The first of the cheapest feasible choices, in the order in which waiting comes last. */
export function solveByTrying(problem: Assignment): { readonly choice: Choice; readonly cost: number } {
  let best: { choice: Choice; cost: number } | undefined;
  const choice: number[] = problem.jobs.map(() => waiting);
  const tryFrom = (job: number): void => {
    if (job === choice.length) {
      if (!isFeasible(problem, choice)) return;
      const cost = costOf(problem, choice);
      if (best === undefined || cost < best.cost) best = { choice: [...choice], cost };
      return;
    }
    for (const candidate of [...(problem.jobs[job]?.candidates.keys() ?? []), waiting]) {
      choice[job] = candidate;
      tryFrom(job + 1);
    }
  };
  tryFrom(0);
  if (best === undefined) throw new Error("waiting is always possible");
  return best;
}
