/**
 * Prices of rows such that the cheapest of every job, summed, never exceed the cost of any feasible choice (Lagrange
 * relaxation, solved by subgradients with steps after Polyak).
 *
 * - A resource costs its multiplier for the whole of it, a part for a part; the multiplier is credited back once.
 * - A job in a group carries its multiplier when it opens the group; the group pays what is left, or nothing less.
 * - An edge hands its joint terms to the options at its ends; what they do not cover it pays as cheaply as it can.
 */

import type { Board } from "./board.ts";

/** Invariant: multipliers are whole, those of resources and groups at least 0, so that every bound is exact. */
export class Relaxation {
  readonly #board: Board;
  readonly #alive: Uint8Array;
  readonly #opened: Int32Array;
  readonly #signed: number;
  readonly #slopes: Float64Array;
  readonly #direction: Float64Array;
  readonly multipliers: Float64Array;
  readonly prices: Float64Array;
  readonly picked: Int32Array;
  readonly leasts: Float64Array;
  readonly regrets: Float64Array;
  /** Evaluations weighed by what they touch: the measure of the search's budget, the same on every machine. */
  work = 0;

  /** `alive` marks the rows still to choose from, `opened` counts the fixed jobs that open a group; the caller keeps both. */
  constructor(board: Board, alive: Uint8Array, opened: Int32Array) {
    this.#board = board;
    this.#alive = alive;
    this.#opened = opened;
    this.#signed = board.capacities.length + board.slots.items.length;
    this.#slopes = new Float64Array(board.multipliers);
    this.#direction = new Float64Array(board.multipliers);
    this.multipliers = new Float64Array(board.multipliers);
    this.prices = new Float64Array(board.rows);
    this.picked = new Int32Array(board.jobs);
    this.leasts = new Float64Array(board.jobs);
    this.regrets = new Float64Array(board.jobs);
  }

  /** The bound at the present multipliers; sets prices, the cheapest row of every job and the slopes for `step`. */
  evaluate(): number {
    this.#slopes.fill(0);
    return this.#addJobs() + this.#addGroups() + this.#addEdges() - this.#creditResources();
  }

  #addJobs(): number {
    const { jobs, starts, costs, terms, shares } = this.#board;
    const alive = this.#alive;
    const slopes = this.#slopes;
    const multipliers = this.multipliers;
    let bound = 0;
    let touched = 0;
    for (let job = 0; job < jobs; job++) {
      let least = Infinity;
      let second = Infinity;
      let cheapest = -1;
      for (let row = starts[job]!; row < starts[job + 1]!; row++) {
        if (alive[row] === 0) continue;
        let price = costs[row]!;
        for (let term = terms.starts[row]!; term < terms.starts[row + 1]!; term++) {
          price += Math.floor(multipliers[terms.items[term]!]! * shares[term]!);
        }
        touched += 1 + terms.starts[row + 1]! - terms.starts[row]!;
        this.prices[row] = price;
        if (price < least) {
          second = least;
          least = price;
          cheapest = row;
        } else if (price < second) second = price;
      }
      this.picked[job] = cheapest;
      this.leasts[job] = least;
      this.regrets[job] = second - least;
      bound += least;
      if (cheapest < 0) continue;
      for (let term = terms.starts[cheapest]!; term < terms.starts[cheapest + 1]!; term++) {
        slopes[terms.items[term]!]! += shares[term]!;
      }
    }
    this.work += touched + jobs;
    return bound;
  }

  #addGroups(): number {
    const { groupCosts, slots } = this.#board;
    let bound = 0;
    for (let group = 0; group < groupCosts.length; group++) {
      let left = groupCosts[group]!;
      for (let at = slots.starts[group]!; at < slots.starts[group + 1]!; at++)
        left -= this.multipliers[slots.items[at]!]!;
      if (left >= 0 && this.#opened[group] === 0) continue;
      bound += left;
      for (let at = slots.starts[group]!; at < slots.starts[group + 1]!; at++) this.#slopes[slots.items[at]!]! -= 1;
    }
    return bound;
  }

  #addEdges(): number {
    const { starts, edges } = this.#board;
    const alive = this.#alive;
    const multipliers = this.multipliers;
    let bound = 0;
    for (const { left, right, costs, leftBase, rightBase } of edges) {
      const leftStart = starts[left]!;
      const rightStart = starts[right]!;
      const width = starts[right + 1]! - rightStart;
      const height = starts[left + 1]! - leftStart;
      let least = Infinity;
      let leftLeast = 0;
      let rightLeast = 0;
      for (let one = 0; one < height; one++) {
        if (alive[leftStart + one] === 0) continue;
        const owed = multipliers[leftBase + one]!;
        for (let other = 0; other < width; other++) {
          if (alive[rightStart + other] === 0) continue;
          const rest = costs[one * width + other]! - owed - multipliers[rightBase + other]!;
          if (rest < least) {
            least = rest;
            leftLeast = one;
            rightLeast = other;
          }
        }
      }
      this.work += (height * width) >> 1;
      bound += least;
      this.#slopes[leftBase + leftLeast]! -= 1;
      this.#slopes[rightBase + rightLeast]! -= 1;
    }
    return bound;
  }

  #creditResources(): number {
    const { length } = this.#board.capacities;
    let credit = 0;
    for (let resource = 0; resource < length; resource++) {
      credit += this.multipliers[resource]!;
      this.#slopes[resource]! -= 1;
    }
    return credit;
  }

  /** How far the multipliers of a job's rows still move: none where the relaxed choice meets what it pays for. */
  unrest(job: number): number {
    const { starts, terms } = this.#board;
    let sum = 0;
    for (let row = starts[job]!; row < starts[job + 1]!; row++) {
      if (this.#alive[row] === 0) continue;
      for (let term = terms.starts[row]!; term < terms.starts[row + 1]!; term++) {
        sum += Math.abs(this.#direction[terms.items[term]!]!);
      }
    }
    return sum;
  }

  /** Whether no resource is short in the relaxed choice, but for rounding. */
  fits(): boolean {
    for (let resource = 0; resource < this.#board.capacities.length; resource++) {
      if (this.#slopes[resource]! > 1e-9) return false;
    }
    return true;
  }

  /** Forgets the last directions: the next step follows the slopes alone. */
  restart(): void {
    this.#direction.fill(0);
  }

  /** Moves the multipliers uphill, as far as `rise` is still to gain. False at the top. */
  step(rise: number): boolean {
    const { multipliers, ceiling } = this.#board;
    let norm = 0;
    for (let index = 0; index < multipliers; index++) {
      let slope = this.#slopes[index]! + momentum * this.#direction[index]!;
      if (index < this.#signed && slope < 0 && this.multipliers[index] === 0) slope = 0;
      this.#direction[index] = slope;
      norm += slope * slope;
    }
    if (norm < 1e-9) return false;
    const length = rise / norm;
    for (let index = 0; index < multipliers; index++) {
      const slope = this.#direction[index]!;
      if (slope === 0) continue;
      const least = index < this.#signed ? 0 : -ceiling;
      const moved = Math.round(this.multipliers[index]! + length * slope);
      this.multipliers[index] = moved < least ? least : moved > ceiling ? ceiling : moved;
    }
    return true;
  }
}

const momentum = 0.6;
