/**
 * One question, answered within a bound: the exact search proves most frontiers, CP-SAT takes over what it leaves open,
 * and whatever happens the best choice known comes back and says who found it and whether it is proven.
 */

import { type Assignment, type Choice, costOf, isFeasible } from "./assignment.ts";
import type { CpSatSolver } from "./cp-sat.ts";
import { solveExactly } from "./exact.ts";
import { solveGreedily } from "./greedy.ts";

export type SolveOptions = {
  /** Absent: what the exact search finds within its budget is the answer. */
  readonly cpSat?: CpSatSolver;
  /** A choice known from before, such as the last plan; left aside where it does not fit or greedy does better. */
  readonly hint?: Choice;
  /** Of the exact search, see `ExactOptions`. */
  readonly workBudget?: number;
  /** Of CP-SAT. */
  readonly deterministicSeconds?: number;
};

export type Solved = {
  readonly choice: Choice;
  readonly cost: number;
  /** Whose answer it is. */
  readonly by: "exact" | "cp-sat";
  /** `optimal` is proven; `fallback`: CP-SAT was asked and had nothing, and this is the best that was known without it. */
  readonly status: "optimal" | "feasible" | "fallback";
  /** Why it is not proven. */
  readonly reason?: string;
};

/** Ten milliseconds or so; `npm run bench -- solve` shows how much of which frontiers that proves. */
const defaultWorkBudget = 2_000_000;
/** Proves most of what is left; a CP-SAT answer takes tens of milliseconds however small this is. */
const defaultSeconds = 0.005;

export function solveAssignment(problem: Assignment, options: SolveOptions = {}): Solved {
  const { cpSat, workBudget = defaultWorkBudget, deterministicSeconds = defaultSeconds } = options;
  const { choice, cost, rest } = solveExactly(problem, { workBudget, hint: pickStart(problem, options.hint) });
  if (rest === undefined) return { choice, cost, by: "exact", status: "optimal" };
  const spent = `the exact search ended after ${workBudget} units of work`;
  if (cpSat === undefined) return { choice, cost, by: "exact", status: "feasible", reason: spent };
  const solution = cpSat.solve(rest.problem, rest.hint, { deterministicSeconds });
  const whole = rest.toWhole(solution.choice);
  const found = { choice: whole, cost: costOf(problem, whole) };
  if (solution.status === "optimal") return { ...found, by: "cp-sat", status: "optimal" };
  const why =
    solution.status === "fallback" ? solution.reason : `CP-SAT after ${deterministicSeconds} seconds of its own`;
  const by = found.cost < cost ? "cp-sat" : "exact";
  return { ...found, by, status: solution.status, reason: `${spent}, ${why}` };
}

/** The better of greedy's choice and the hint; of equal ones the hint, so that plans do not change without need. */
function pickStart(problem: Assignment, hint: Choice | undefined): Choice {
  const greedy = solveGreedily(problem);
  if (hint === undefined || !isFeasible(problem, hint)) return greedy.choice;
  return costOf(problem, hint) <= greedy.cost ? hint : greedy.choice;
}
