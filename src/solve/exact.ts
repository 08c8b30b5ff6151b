/**
 * The best choice, proven where the budget allows. Rows that never pay are struck out, the jobs fall into parts that
 * share nothing, and each part is bounded by itself (`search.ts`), the small ones first. A part of which the bound leaves
 * little is taken apart once more; the others are searched.
 *
 * Of equal choices the first one found stands, and the hint is found first: a plan does not change without need.
 */

import { strict as assert } from "node:assert";
import { type Assignment, type Choice, costOf, isFeasible } from "./assignment.ts";
import type { Board } from "./board.ts";
import { type Rest, toFrame, toRest } from "./frame.ts";
import { solveGreedily } from "./greedy.ts";
import { type Options, toChoice, toOptions, toRows } from "./options.ts";
import { splitIntoParts, strikeUseless } from "./parts.ts";
import { Search } from "./search.ts";
import { toBoard } from "./to-board.ts";

export type ExactOptions = {
  /** Rows, terms and pairs that may be looked at; some nanoseconds each, the same number on every machine. */
  readonly workBudget: number;
  /** A feasible choice to start from; greedy where absent. */
  readonly hint?: Choice;
};

export type ExactSolution = {
  readonly choice: Choice;
  readonly cost: number;
  /** The cost is proven least. Out of budget it is the best found, never worse than the hint. */
  readonly optimal: boolean;
  /** What is not proven, for another solver to go on with. */
  readonly rest?: Rest;
  readonly nodes: number;
  readonly work: number;
};

/** Share of rows that survive the bound up to which a part is taken apart again. */
const worthAnotherRound = 0.7;

export function solveExactly(problem: Assignment, { workBudget, hint }: ExactOptions): ExactSolution {
  const start = hint ?? solveGreedily(problem).choice;
  assert(isFeasible(problem, start), "the hint takes more than there is");
  const state = new Solving(problem, toOptions(problem), start, workBudget);
  state.run();
  return state.toSolution();
}

/** Invariant: some best choice, or `#picked` itself, is made of rows in `#kept`, and `#picked` always is. */
class Solving {
  readonly #problem: Assignment;
  readonly #options: Options;
  readonly #picked: number[];
  readonly #kept: Uint8Array;
  /** Rows of parts that were given up unproven. */
  readonly #unproven: Uint8Array;
  readonly #budget: number;
  #nodes = 0;
  #work = 0;

  constructor(problem: Assignment, options: Options, start: Choice, budget: number) {
    this.#problem = problem;
    this.#options = options;
    this.#picked = toRows(problem, options, start);
    this.#kept = new Uint8Array(options.rows.length).fill(1);
    this.#unproven = new Uint8Array(options.rows.length);
    this.#budget = budget;
  }

  run(): void {
    let open: (readonly number[])[] = [[...this.#problem.jobs.keys()]];
    while (open.length > 0) open = open.flatMap((jobs) => this.#takeApart(jobs));
  }

  /** The parts that are worth another round. */
  #takeApart(jobs: readonly number[]): (readonly number[])[] {
    strikeUseless(this.#options, toFrame(this.#problem, this.#options, this.#kept), jobs, this.#picked);
    const frame = toFrame(this.#problem, this.#options, this.#kept);
    return splitIntoParts(this.#problem, this.#options, frame, jobs).filter((part) => {
      const board = toBoard(this.#problem, this.#options, frame, part);
      return this.#shrinks(part, board);
    });
  }

  /** Solves the part, or strikes out so much that it has to be looked at anew: then true. */
  #shrinks(part: readonly number[], board: Board): boolean {
    const rowOf = new Map(Array.from(board.origins, (origin, row) => [origin, row]));
    const from = Int32Array.from(part, (job) => rowOf.get(this.#picked[job]!)!);
    const search = new Search(board, from, this.#budget - this.#work);
    const isOpen = search.prepare();
    const survivors = search.survivors();
    const again = isOpen && survivors.reduce((sum, alive) => sum + alive, 0) <= worthAnotherRound * board.rows;
    if (isOpen && !again) search.run();
    this.#nodes += search.nodes;
    this.#work += search.work;
    for (const [row, origin] of board.origins.entries()) {
      this.#kept[origin] = again ? survivors[row]! : 0;
      if (search.outOfBudget) this.#unproven[origin] = survivors[row]!;
    }
    for (const [index, job] of part.entries()) {
      const origin = board.origins[search.best[index]!]!;
      this.#picked[job] = origin;
      this.#kept[origin] = 1;
    }
    return again;
  }

  toSolution(): ExactSolution {
    const choice = toChoice(this.#problem, this.#options, this.#picked);
    const result = { choice, cost: costOf(this.#problem, choice), nodes: this.#nodes, work: this.#work };
    if (!this.#unproven.includes(1)) return { ...result, optimal: true };
    const kept = this.#unproven.slice();
    for (const row of this.#picked) kept[row] = 1;
    const frame = toFrame(this.#problem, this.#options, kept);
    return { ...result, optimal: false, rest: toRest(this.#problem, this.#options, frame, this.#picked) };
  }
}
