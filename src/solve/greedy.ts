/**
 * A good answer at once: again and again the job that would lose most by coming second takes its cheapest option.
 * Time: jobs x options. The hint of the solvers and the answer when they have none.
 */

import { type Assignment, type Choice, costOf } from "./assignment.ts";
import { type Option, type Options, toChoice, toOptions } from "./options.ts";

/** Cheapest and regret of a job among the options that still fit. */
type Offer = { readonly row: number; readonly regret: number };

export type Solution = { readonly choice: Choice; readonly cost: number };

export function solveGreedily(problem: Assignment): Solution {
  const options = toOptions(problem);
  const run = new GreedyRun(problem, options);
  const picked: number[] = [];
  const open = new Set(problem.jobs.keys());
  while (open.size > 0) {
    let chosen = -1;
    let best: Offer = { row: -1, regret: -Infinity };
    for (const job of open) {
      const offer = run.offer(job);
      if (offer.regret > best.regret || chosen === -1) [chosen, best] = [job, offer];
    }
    run.take(best.row);
    picked[chosen] = best.row;
    open.delete(chosen);
  }
  const choice = toChoice(problem, options, picked);
  return { choice, cost: costOf(problem, choice) };
}

/** What is left of the resources, which groups are open, and what each option would cost now. */
class GreedyRun {
  readonly #options: Options;
  readonly #left: number[];
  readonly #groupCosts: number[];
  readonly #prices: number[];

  constructor(problem: Assignment, options: Options) {
    this.#options = options;
    this.#left = [...problem.capacities];
    this.#groupCosts = [...problem.groupCosts];
    this.#prices = options.rows.map(({ cost }) => cost);
  }

  /** The first of the cheapest options that fit; waiting always does. */
  offer(job: number): Offer {
    const { rows, starts } = this.#options;
    let row = -1;
    let least = Infinity;
    let second = Infinity;
    for (let index = starts[job] ?? 0; index < (starts[job + 1] ?? 0); index++) {
      const option = rows[index];
      if (option === undefined || !this.#fits(option)) continue;
      let price = this.#prices[index] ?? 0;
      for (const group of option.groups) price += this.#groupCosts[group] ?? 0;
      if (price < least) [row, second, least] = [index, least, price];
      else if (price < second) second = price;
    }
    return { row, regret: second - least };
  }

  take(row: number): void {
    const option = this.#options.rows[row];
    if (option === undefined) return;
    for (const { resource, amount } of option.uses) this.#left[resource] = (this.#left[resource] ?? 0) - amount;
    for (const group of option.groups) this.#groupCosts[group] = 0;
    for (const { option: other, cost } of option.joined) this.#prices[other] = (this.#prices[other] ?? 0) + cost;
  }

  #fits({ uses }: Option): boolean {
    return uses.every(({ resource, amount }) => (this.#left[resource] ?? 0) >= amount);
  }
}
