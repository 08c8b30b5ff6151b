/**
 * One question, the solver that suits its size: the exact search for small problems, within a budget of nodes; CP-SAT
 * for larger ones and for what the exact search did not prove, from the best found so far.
 */

import type { Assignment, Choice } from "./assignment.ts";
import type { CpSatSolver } from "./cp-sat.ts";
import { solveExactly } from "./exact.ts";
import { solveGreedily } from "./greedy.ts";
import { toOptions } from "./options.ts";

export type SolveOptions = {
  /** Absent: what the exact search finds within its budget is the answer. */
  readonly cpSat?: CpSatSolver;
  /** Nodes of the exact search. */
  readonly nodeBudget?: number;
  readonly deterministicSeconds?: number;
};

export type Solved = {
  readonly choice: Choice;
  readonly cost: number;
  readonly by: "exact" | "cp-sat";
  /** `fallback`: the solver failed, and this is the best that was known without it. */
  readonly status: "optimal" | "feasible" | "fallback";
  readonly reason?: string;
};

/** Options in all up to which the exact search is tried first; `npm run bench -- solve` shows where it loses. */
const exactOptions = 100;
/** A node is about a microsecond here, so that the whole budget is no longer than CP-SAT takes at least. */
const defaultNodeBudget = 10_000;

export function solveAssignment(problem: Assignment, options: SolveOptions = {}): Solved {
  const { cpSat, nodeBudget = defaultNodeBudget, deterministicSeconds } = options;
  let hint = solveGreedily(problem).choice;
  if (cpSat === undefined || toOptions(problem).rows.length <= exactOptions) {
    const { choice, cost, optimal } = solveExactly(problem, { nodeBudget, hint });
    if (optimal) return { choice, cost, by: "exact", status: "optimal" };
    if (cpSat === undefined) return { choice, cost, by: "exact", status: "feasible", reason: "out of nodes" };
    hint = choice;
  }
  const solution = cpSat.solve(problem, hint, deterministicSeconds === undefined ? {} : { deterministicSeconds });
  return { ...solution, by: "cp-sat" };
}
