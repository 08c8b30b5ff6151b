/** Full choices on a board: what one costs, how a relaxed one is made to fit, and how a neighbour of it is better. */

import type { Board } from "./board.ts";

/** A row for every job, all of which fit together. */
export class Plan {
  readonly #board: Board;
  readonly #left: Float64Array;
  readonly #opened: Int32Array;
  readonly picked: Int32Array;

  constructor(board: Board) {
    this.#board = board;
    this.#left = board.capacities.slice();
    this.#opened = new Int32Array(board.groupCosts.length);
    this.picked = new Int32Array(board.jobs).fill(-1);
  }

  clear(): void {
    this.#left.set(this.#board.capacities);
    this.#opened.fill(0);
    this.picked.fill(-1);
  }

  /** True where the whole of it fits. */
  set(rows: Int32Array): boolean {
    this.clear();
    for (let job = 0; job < rows.length; job++) {
      if (!this.fits(rows[job]!)) return false;
      this.put(rows[job]!);
    }
    return true;
  }

  fits(row: number): boolean {
    const { uses, amounts } = this.#board;
    for (let at = uses.starts[row]!; at < uses.starts[row + 1]!; at++) {
      if (this.#left[uses.items[at]!]! < amounts[at]!) return false;
    }
    return true;
  }

  put(row: number): void {
    this.#count(row, 1);
    this.picked[this.#board.jobOf[row]!] = row;
  }

  remove(job: number): void {
    this.#count(this.picked[job]!, -1);
    this.picked[job] = -1;
  }

  #count(row: number, sign: number): void {
    const { uses, amounts, groups } = this.#board;
    for (let at = uses.starts[row]!; at < uses.starts[row + 1]!; at++)
      this.#left[uses.items[at]!]! -= sign * amounts[at]!;
    for (let at = groups.starts[row]!; at < groups.starts[row + 1]!; at++) this.#opened[groups.items[at]!]! += sign;
  }

  /** With the groups it would open, without joint terms. */
  price(row: number, prices: Float64Array): number {
    const { groups, groupCosts } = this.#board;
    let price = prices[row]!;
    for (let at = groups.starts[row]!; at < groups.starts[row + 1]!; at++) {
      const group = groups.items[at]!;
      if (this.#opened[group] === 0) price += groupCosts[group]!;
    }
    return price;
  }

  /** The cheapest row of the job that still fits, or -1: waiting always fits, but may be struck out. */
  cheapest(job: number, prices: Float64Array): number {
    const { starts } = this.#board;
    let chosen = -1;
    let least = Infinity;
    for (let row = starts[job]!; row < starts[job + 1]!; row++) {
      if (!this.fits(row)) continue;
      const price = this.price(row, prices);
      if (price < least) {
        least = price;
        chosen = row;
      }
    }
    return chosen;
  }

  /** What it saves to put the job on the row instead, whether it fits or not. */
  gain(job: number, row: number): number {
    const { costs, groups, groupCosts, links, edges, starts } = this.#board;
    const from = this.picked[job]!;
    let gain = costs[from]! - costs[row]!;
    for (let at = groups.starts[from]!; at < groups.starts[from + 1]!; at++) {
      if (this.#opened[groups.items[at]!] === 1) gain += groupCosts[groups.items[at]!]!;
    }
    for (let at = groups.starts[row]!; at < groups.starts[row + 1]!; at++) {
      const group = groups.items[at]!;
      const alone = this.#opened[group] === 1 && this.#opens(from, group);
      if (this.#opened[group] === 0 || alone) gain -= groupCosts[group]!;
    }
    for (let at = links.starts[job]!; at < links.starts[job + 1]!; at++) {
      const { left, right, costs: joint } = edges[links.items[at]!]!;
      const width = starts[right + 1]! - starts[right]!;
      const other = this.picked[left === job ? right : left]!;
      const before = left === job ? from : other;
      const after = left === job ? row : other;
      const beforeRight = left === job ? other : from;
      const afterRight = left === job ? other : row;
      gain += joint[(before - starts[left]!) * width + beforeRight - starts[right]!]!;
      const cost = joint[(after - starts[left]!) * width + afterRight - starts[right]!]!;
      // They cannot both be there: the other one is going to go.
      if (cost !== Infinity) gain -= cost;
    }
    return gain;
  }

  #opens(row: number, group: number): boolean {
    const { groups } = this.#board;
    for (let at = groups.starts[row]!; at < groups.starts[row + 1]!; at++) if (groups.items[at] === group) return true;
    return false;
  }

  cost(): number {
    const { costs, groupCosts, edges, starts } = this.#board;
    let cost = 0;
    for (const row of this.picked) cost += costs[row]!;
    for (let group = 0; group < groupCosts.length; group++) if (this.#opened[group]! > 0) cost += groupCosts[group]!;
    for (const { left, right, costs: joint } of edges) {
      const width = starts[right + 1]! - starts[right]!;
      cost += joint[(this.picked[left]! - starts[left]!) * width + this.picked[right]! - starts[right]!]!;
    }
    return cost;
  }
}

/**
 * Jobs that would lose most by coming second take their cheapest rows first; joint terms lie in the prices. False where
 * one is left without.
 */
export function fill(board: Board, plan: Plan, prices: Float64Array, regrets: Float64Array): boolean {
  plan.clear();
  const order = Array.from({ length: board.jobs }, (_, job) => job);
  order.sort((left, right) => regrets[right]! - regrets[left]! || left - right);
  return order.every((job) => putCheapest(plan, job, prices));
}

function putCheapest(plan: Plan, job: number, prices: Float64Array): boolean {
  const row = plan.cheapest(job, prices);
  if (row >= 0) plan.put(row);
  return row >= 0;
}

/**
 * Moves a job to another row, out of whose way others go, as long as one such move is better; first found, first made.
 * Only moves that pay before anybody has to go are tried. The cost, and in `work` how much was looked at.
 */
export function improve(board: Board, plan: Plan): { readonly cost: number; readonly work: number } {
  let cost = plan.cost();
  let work = 0;
  for (let sweep = 0; sweep < mostSweeps; sweep++) {
    const before = cost;
    for (let row = 0; row < board.rows; row++) {
      const job = board.jobOf[row]!;
      if (plan.picked[job] === row || plan.gain(job, row) <= 0) continue;
      work += 3 * board.jobs;
      const moved = moveIfCheaper(board, plan, row, cost);
      cost = Math.min(cost, moved);
    }
    work += 2 * board.rows;
    if (cost === before) break;
  }
  return { cost, work };
}

const mostSweeps = 4;

/** Those in the way of the row take what is cheapest for them then. Undone where one finds nothing or it does not pay. */
function moveIfCheaper(board: Board, plan: Plan, row: number, cost: number): number {
  const job = board.jobOf[row]!;
  const before = [plan.picked[job]!];
  plan.remove(job);
  for (let other = 0; other < board.jobs && !plan.fits(row); other++) {
    const picked = plan.picked[other]!;
    if (other === job || !meets(board, picked, row)) continue;
    plan.remove(other);
    before.push(picked);
  }
  plan.put(row);
  const found = before.every((from, index) => index === 0 || putCheapest(plan, board.jobOf[from]!, board.costs));
  const moved = found ? plan.cost() : Infinity;
  if (moved < cost) return moved;
  for (const from of before) if (plan.picked[board.jobOf[from]!] !== -1) plan.remove(board.jobOf[from]!);
  for (const from of before) plan.put(from);
  return Infinity;
}

/** Whether both take of one resource. */
function meets({ uses }: Board, one: number, other: number): boolean {
  for (let at = uses.starts[one]!; at < uses.starts[one + 1]!; at++) {
    for (let to = uses.starts[other]!; to < uses.starts[other + 1]!; to++) {
      if (uses.items[at] === uses.items[to]) return true;
    }
  }
  return false;
}
