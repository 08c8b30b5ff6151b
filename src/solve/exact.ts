/**
 * The best choice, by depth-first branch and bound. Two passes share one budget of nodes:
 *
 * 1. cost: branch on the job that would lose most by coming second, cheapest option first; ends with the least cost.
 * 2. tie:  branch on jobs and options in their order under that cost; its first full choice is the lexicographically
 *          smallest optimum (waiting comes last), so that equal problems have equal answers whatever the hint was.
 *
 * Out of nodes in the first pass, the best so far comes back unproven; in the second, the first pass's optimum stands.
 * A branch is cut when the cheapest options of its open jobs (`relaxation.ts`) already cost too much.
 */

import { strict as assert } from "node:assert";
import { type Assignment, type Choice, costOf, isFeasible } from "./assignment.ts";
import { solveGreedily } from "./greedy.ts";
import { type Option, type Options, toChoice, toOptions } from "./options.ts";
import { relax, type Relaxation } from "./relaxation.ts";

export type ExactOptions = {
  /** Nodes that both passes may visit together. */
  readonly nodeBudget: number;
  /** A feasible choice to start from; greedy where absent. */
  readonly hint?: Choice;
};

export type ExactSolution = {
  readonly choice: Choice;
  readonly cost: number;
  /** The cost is proven least. Out of budget it is the best found, never worse than the hint. */
  readonly optimal: boolean;
  readonly nodes: number;
};

export function solveExactly(problem: Assignment, { nodeBudget, hint }: ExactOptions): ExactSolution {
  const start = hint ?? solveGreedily(problem).choice;
  assert(isFeasible(problem, start), "the hint takes more than there is");
  const options = toOptions(problem);
  const upper = costOf(problem, start);
  const relaxation = relax(problem, options, upper);
  const cheapest = new Search(problem, options, relaxation, { pass: "cost", upper: 2 * upper, nodeBudget });
  cheapest.run();
  const best = cheapest.best === undefined ? start : toChoice(problem, options, cheapest.best);
  const cost = costOf(problem, best);
  const { nodes } = cheapest;
  if (cheapest.outOfBudget) return { choice: best, cost, optimal: false, nodes };
  const first = new Search(problem, options, relaxation, {
    pass: "tie",
    upper: 2 * cost,
    nodeBudget: nodeBudget - nodes,
  });
  first.run();
  const choice = first.best === undefined ? best : toChoice(problem, options, first.best);
  return { choice, cost, optimal: true, nodes: nodes + first.nodes };
}

type SearchOptions = {
  readonly pass: "cost" | "tie";
  /** In half units. The cost pass looks for less, the tie pass for no more. */
  readonly upper: number;
  readonly nodeBudget: number;
};

/**
 * Invariant: `#prices` are least shares of every option of an open job, given the jobs that are closed; `#closed` is
 * what the closed ones cost, tolls included. `#take` and `#giveBack` keep it, in time of the option's joint terms
 * plus all options for each group opened and each job hoped for.
 */
class Search {
  readonly #options: Options;
  readonly #relaxation: Relaxation;
  readonly #pass: "cost" | "tie";
  readonly #budget: number;
  readonly #left: Float64Array;
  readonly #prices: Float64Array;
  readonly #opened: Int32Array;
  readonly #groupCosts: readonly number[];
  readonly #picked: Int32Array;
  /** By group and by job: the rows whose price changes when it opens or closes. */
  readonly #members: readonly (readonly number[])[];
  readonly #hopers: readonly (readonly { readonly row: number; readonly gain: number }[])[];
  #closed = 0;
  #upper: number;
  nodes = 0;
  outOfBudget = false;
  best: Int32Array | undefined;

  constructor(
    problem: Assignment,
    options: Options,
    relaxation: Relaxation,
    { pass, upper, nodeBudget }: SearchOptions,
  ) {
    this.#options = options;
    this.#relaxation = relaxation;
    this.#pass = pass;
    this.#budget = nodeBudget;
    this.#left = Float64Array.from(problem.capacities);
    this.#prices = relaxation.prices.slice();
    this.#opened = new Int32Array(problem.groupCosts.length);
    this.#groupCosts = problem.groupCosts;
    this.#picked = new Int32Array(problem.jobs.length).fill(-1);
    const members: number[][] = problem.groupCosts.map(() => []);
    for (const [row, { groups }] of options.rows.entries()) for (const group of groups) members[group]?.push(row);
    this.#members = members;
    const hopers: { row: number; gain: number }[][] = problem.jobs.map(() => []);
    for (const [row, hopes] of relaxation.hopes.entries()) {
      for (const { job, gain } of hopes) hopers[job]?.push({ row, gain });
    }
    this.#hopers = hopers;
    // Costs are even in half units: less means at most two less.
    this.#upper = pass === "cost" ? upper - 2 : upper;
  }

  run(): void {
    this.#descend(this.#picked.length);
  }

  /** True once there is nothing more to look for. */
  #descend(open: number): boolean {
    if (open === 0) return this.#finish();
    if (this.nodes >= this.#budget) {
      this.outOfBudget = true;
      return true;
    }
    this.nodes += 1;
    const { job, bound } = this.#branchingJob();
    if (bound > this.#upper) return false;
    const rest = bound - this.#cheapestPrice(job);
    for (const row of this.#rowsToTry(job)) {
      if (rest + (this.#prices[row] ?? 0) > this.#upper) continue;
      const option = this.#options.rows[row] as Option;
      this.#take(row, option);
      const done = this.#descend(open - 1);
      this.#giveBack(row, option);
      if (done) return true;
    }
    return false;
  }

  /** A full choice; its cost is what is closed without the tolls, which only bounds pay. */
  #finish(): boolean {
    let cost = this.#closed;
    for (const row of this.#picked) cost -= this.#relaxation.tolls[row] ?? 0;
    if (cost > this.#upper) return false;
    this.best = this.#picked.slice();
    this.#upper = cost - 2;
    return this.#pass === "tie";
  }

  /** The bound of this node, and which job to branch on: the first open one, or the one with most regret. */
  #branchingJob(): { readonly job: number; readonly bound: number } {
    let bound = this.#closed - this.#relaxation.credit;
    let chosen = -1;
    let most = -Infinity;
    for (let job = 0; job < this.#picked.length; job++) {
      if (this.#picked[job] !== -1) continue;
      let least = Infinity;
      let second = Infinity;
      for (let row = this.#start(job); row < this.#start(job + 1); row++) {
        const price = this.#prices[row] ?? 0;
        if (price >= second || !this.#fits(row)) continue;
        if (price < least) [second, least] = [least, price];
        else second = price;
      }
      bound += least;
      const regret = this.#pass === "tie" ? 0 : second - least;
      if (regret > most) [chosen, most] = [job, regret];
    }
    return { job: chosen, bound };
  }

  #cheapestPrice(job: number): number {
    let least = Infinity;
    for (let row = this.#start(job); row < this.#start(job + 1); row++) {
      if ((this.#prices[row] ?? 0) < least && this.#fits(row)) least = this.#prices[row] ?? 0;
    }
    return least;
  }

  #rowsToTry(job: number): readonly number[] {
    const rows: number[] = [];
    for (let row = this.#start(job); row < this.#start(job + 1); row++) if (this.#fits(row)) rows.push(row);
    if (this.#pass === "tie") return rows;
    return rows.sort((left, right) => (this.#prices[left] ?? 0) - (this.#prices[right] ?? 0) || left - right);
  }

  #take(row: number, option: Option): void {
    this.#closed += this.#truePrice(row, option);
    this.#picked[option.job] = row;
    for (const { resource, amount } of option.uses) this.#left[resource] = (this.#left[resource] ?? 0) - amount;
    for (const group of option.groups) if (this.#count(group, 1) === 1) this.#reprice(group, -1);
    for (const { row: hoper, gain } of this.#hopers[option.job] ?? []) this.#addPrice(hoper, -gain);
    for (const { option: other, cost } of option.joined) this.#addPrice(other, 2 * cost);
  }

  #giveBack(row: number, option: Option): void {
    for (const { option: other, cost } of option.joined) this.#addPrice(other, -2 * cost);
    for (const { row: hoper, gain } of this.#hopers[option.job] ?? []) this.#addPrice(hoper, gain);
    for (const group of option.groups) if (this.#count(group, -1) === 0) this.#reprice(group, 1);
    for (const { resource, amount } of option.uses) this.#left[resource] = (this.#left[resource] ?? 0) + amount;
    this.#picked[option.job] = -1;
    this.#closed -= this.#truePrice(row, option);
  }

  /** Without hopes for jobs still open and with whole costs of the groups it opens. */
  #truePrice(row: number, option: Option): number {
    let price = 2 * option.cost + (this.#relaxation.tolls[row] ?? 0);
    for (const { option: other, job, cost } of option.joined) if (this.#picked[job] === other) price += 2 * cost;
    for (const group of option.groups) if (this.#opened[group] === 0) price += 2 * (this.#groupCosts[group] ?? 0);
    return price;
  }

  #count(group: number, change: number): number {
    return (this.#opened[group] = (this.#opened[group] ?? 0) + change);
  }

  #reprice(group: number, sign: number): void {
    const share = sign * (this.#relaxation.shares[group] ?? 0);
    for (const row of this.#members[group] ?? []) this.#addPrice(row, share);
  }

  #addPrice(row: number, change: number): void {
    this.#prices[row] = (this.#prices[row] ?? 0) + change;
  }

  #fits(row: number): boolean {
    for (const { resource, amount } of this.#options.rows[row]?.uses ?? []) {
      if ((this.#left[resource] ?? 0) < amount) return false;
    }
    return true;
  }

  #start(job: number): number {
    return this.#options.starts[job] ?? 0;
  }
}
