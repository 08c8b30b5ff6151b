/**
 * Depth-first branch and bound on one board. At every node the relaxation is sharpened by a few steps, rows that cannot
 * be part of a better choice are struck out, and the job that the relaxation is least sure of is branched on, cheapest row
 * first. The same relaxation, made to fit, gives the choices that are compared.
 */

import type { Board } from "./board.ts";
import { fill, improve, Plan } from "./improve.ts";
import { Relaxation } from "./relaxation.ts";

const rootRounds = 150;
const nodeRounds = 12;
/** Rounds at the root after which a full choice is made of the prices. */
const fillEvery = 50;
/** Rounds without a better bound after which steps get shorter. */
const patience = 5;
/** Steps shorter than this are not worth their round. */
const shortest = 0.03;

export class Search {
  readonly #board: Board;
  readonly #budget: number;
  readonly #alive: Uint8Array;
  readonly #counts: Int32Array;
  readonly #fixed: Int32Array;
  readonly #left: Float64Array;
  readonly #opened: Int32Array;
  readonly #struck: number[] = [];
  readonly #closed: number[] = [];
  readonly #relaxation: Relaxation;
  readonly #plan: Plan;
  readonly #next: Int32Array;
  readonly best: Int32Array;
  cost: number;
  outOfBudget = false;
  nodes = 0;

  /** `start` holds a row for every job; they fit together. */
  constructor(board: Board, start: Int32Array, budget: number) {
    this.#board = board;
    this.#budget = budget;
    this.#alive = new Uint8Array(board.rows).fill(1);
    this.#counts = new Int32Array(board.jobs);
    for (let job = 0; job < board.jobs; job++) this.#counts[job] = board.starts[job + 1]! - board.starts[job]!;
    this.#fixed = new Int32Array(board.jobs).fill(-1);
    this.#left = board.capacities.slice();
    this.#opened = new Int32Array(board.groupCosts.length);
    this.#relaxation = new Relaxation(board, this.#alive, this.#opened);
    this.#plan = new Plan(board);
    this.#next = new Int32Array(board.jobs).fill(-1);
    for (const [job, twin] of board.twins.entries()) if (twin >= 0) this.#next[twin] = job;
    this.best = start.slice();
    this.#plan.set(start);
    this.cost = this.#improve();
    this.best.set(this.#plan.picked);
  }

  get work(): number {
    return this.#relaxation.work;
  }

  /** Bounds and strikes out without branching. False when that settles it: `best` is best, or the budget is gone. */
  prepare(): boolean {
    this.nodes += 1;
    return this.#bound(rootRounds, true);
  }

  /** After `prepare`. */
  run(): void {
    this.#branch();
  }

  /** By row: 1 where a better choice, or the best one known, may have it. */
  survivors(): Uint8Array {
    const survivors = this.#alive.slice();
    for (const row of this.best) survivors[row] = 1;
    return survivors;
  }

  #descend(): void {
    this.nodes += 1;
    if (this.#bound(nodeRounds, false)) this.#branch();
  }

  #branch(): void {
    const job = this.#branchingJob();
    if (job < 0) return;
    const { starts } = this.#board;
    const { multipliers, prices } = this.#relaxation;
    const rows: number[] = [];
    for (let row = starts[job]!; row < starts[job + 1]!; row++) if (this.#alive[row] === 1) rows.push(row);
    const excess = new Map(rows.map((row) => [row, this.#lastBound + prices[row]! - this.#relaxation.leasts[job]!]));
    rows.sort((left, right) => excess.get(left)! - excess.get(right)! || left - right);
    const kept = multipliers.slice();
    for (const row of rows) {
      if (excess.get(row)! > this.#cutoff()) return;
      const struck = this.#struck.length;
      const closed = this.#closed.length;
      if (this.#choose(job, row)) this.#descend();
      this.#undo(struck, closed);
      multipliers.set(kept);
      if (this.outOfBudget) return;
    }
  }

  #lastBound = -Infinity;

  /** Only what costs less is of interest. */
  #cutoff(): number {
    return this.cost - this.#board.unit;
  }

  /** False once nothing better can lie below this node. */
  #bound(rounds: number, root: boolean): boolean {
    const relaxation = this.#relaxation;
    let best = -Infinity;
    const multipliers = relaxation.multipliers.slice();
    let scale = 1;
    let stale = 0;
    relaxation.restart();
    for (let round = 0; round < rounds; round++) {
      if (relaxation.work >= this.#budget) {
        this.outOfBudget = true;
        return false;
      }
      const bound = relaxation.evaluate();
      if (bound > this.#cutoff()) return false;
      this.#compare();
      if (root && round % fillEvery === fillEvery - 1) this.#compareFilled(true);
      if (bound > this.#cutoff()) return false;
      if (bound > best) {
        best = bound;
        multipliers.set(relaxation.multipliers);
        stale = 0;
        if (!this.#strike(bound)) return false;
      } else if (++stale >= patience) {
        stale = 0;
        scale *= 0.6;
        if (scale < shortest) break;
        relaxation.multipliers.set(multipliers);
        relaxation.restart();
        continue;
      }
      if (!relaxation.step(scale * (this.cost - bound))) break;
    }
    relaxation.multipliers.set(multipliers);
    this.#lastBound = relaxation.evaluate();
    if (!root) this.#compareFilled(false);
    return this.#lastBound <= this.#cutoff();
  }

  /** The relaxed choice itself, where it fits. */
  #compare(): void {
    if (!this.#relaxation.fits() || !this.#plan.set(this.#relaxation.picked)) return;
    this.#keep(this.#plan.cost());
  }

  #compareFilled(polish: boolean): void {
    const { prices, regrets } = this.#relaxation;
    // Rows that are struck out have no price of this round; the last one will do.
    this.#relaxation.work += 3 * this.#board.rows;
    if (!fill(this.#board, this.#plan, prices, regrets)) return;
    this.#keep(polish ? this.#improve() : this.#plan.cost());
  }

  #improve(): number {
    const { cost, work } = improve(this.#board, this.#plan);
    this.#relaxation.work += work;
    return cost;
  }

  #keep(cost: number): void {
    if (cost >= this.cost) return;
    this.cost = cost;
    this.best.set(this.#plan.picked);
  }

  /** Strikes out the rows that would raise the bound too far. False where a job is left with none. */
  #strike(bound: number): boolean {
    const { starts, jobs } = this.#board;
    const { prices, leasts } = this.#relaxation;
    const cutoff = this.#cutoff();
    for (let job = 0; job < jobs; job++) {
      if (this.#counts[job] === 1) continue;
      const most = cutoff - bound + leasts[job]!;
      for (let row = starts[job]!; row < starts[job + 1]!; row++) {
        if (this.#alive[row] === 1 && prices[row]! > most && !this.#strikeOut(row)) return false;
      }
    }
    return true;
  }

  #strikeOut(row: number): boolean {
    if (this.#alive[row] === 0) return true;
    const job = this.#board.jobOf[row]!;
    this.#alive[row] = 0;
    this.#struck.push(row);
    const left = --this.#counts[job]!;
    return left > 1 || (left === 1 && this.#fix(job));
  }

  #choose(job: number, row: number): boolean {
    const { starts } = this.#board;
    for (let other = starts[job]!; other < starts[job + 1]!; other++) {
      if (other !== row && this.#alive[other] === 1 && !this.#strikeOut(other)) return false;
    }
    return true;
  }

  /** The job is down to one row: it takes what that uses, and what no longer fits beside it is struck out. */
  #fix(job: number): boolean {
    const { starts, uses, amounts, groups } = this.#board;
    let row = starts[job]!;
    while (this.#alive[row] === 0) row++;
    if (this.#fixed[job] !== -1) return true;
    this.#fixed[job] = row;
    this.#closed.push(job);
    let room = true;
    for (let at = uses.starts[row]!; at < uses.starts[row + 1]!; at++) {
      this.#left[uses.items[at]!]! -= amounts[at]!;
      if (this.#left[uses.items[at]!]! < 0) room = false;
    }
    for (let at = groups.starts[row]!; at < groups.starts[row + 1]!; at++) this.#open(groups.items[at]!);
    return room && this.#strikeCrowded(row) && this.#strikeTwins(job, row);
  }

  #open(group: number): void {
    const { slots } = this.#board;
    this.#opened[group]! += 1;
    // Paid in full from now on, so that nobody is to carry a part.
    for (let at = slots.starts[group]!; at < slots.starts[group + 1]!; at++) {
      this.#relaxation.multipliers[slots.items[at]!] = 0;
    }
  }

  #strikeCrowded(row: number): boolean {
    const { uses, users, jobOf } = this.#board;
    for (let at = uses.starts[row]!; at < uses.starts[row + 1]!; at++) {
      const resource = uses.items[at]!;
      for (let user = users.starts[resource]!; user < users.starts[resource + 1]!; user++) {
        const other = users.items[user]!;
        if (this.#alive[other] === 0 || this.#fixed[jobOf[other]!] !== -1) continue;
        if (!this.#hasRoom(other) && !this.#strikeOut(other)) return false;
      }
    }
    return true;
  }

  #hasRoom(row: number): boolean {
    const { uses, amounts } = this.#board;
    for (let at = uses.starts[row]!; at < uses.starts[row + 1]!; at++) {
      if (this.#left[uses.items[at]!]! < amounts[at]!) return false;
    }
    return true;
  }

  /** Of jobs that are the same the later one takes no earlier option. */
  #strikeTwins(job: number, row: number): boolean {
    const { starts, twins } = this.#board;
    const option = row - starts[job]!;
    const twin = twins[job]!;
    const next = this.#next[job]!;
    if (twin >= 0) {
      for (let other = starts[twin]! + option + 1; other < starts[twin + 1]!; other++) {
        if (!this.#strikeOut(other)) return false;
      }
    }
    if (next >= 0) {
      for (let other = starts[next]!; other < starts[next]! + option; other++) {
        if (!this.#strikeOut(other)) return false;
      }
    }
    return true;
  }

  #undo(struck: number, closed: number): void {
    const { uses, amounts, groups, jobOf } = this.#board;
    while (this.#closed.length > closed) {
      const job = this.#closed.pop()!;
      const row = this.#fixed[job]!;
      this.#fixed[job] = -1;
      for (let at = uses.starts[row]!; at < uses.starts[row + 1]!; at++) this.#left[uses.items[at]!]! += amounts[at]!;
      for (let at = groups.starts[row]!; at < groups.starts[row + 1]!; at++) this.#opened[groups.items[at]!]! -= 1;
    }
    while (this.#struck.length > struck) {
      const row = this.#struck.pop()!;
      this.#alive[row] = 1;
      this.#counts[jobOf[row]!]! += 1;
    }
  }

  /** The one whose multipliers are least at rest: its rows are what the relaxation cannot settle. */
  #branchingJob(): number {
    let chosen = -1;
    let most = -Infinity;
    for (let job = 0; job < this.#board.jobs; job++) {
      if (this.#counts[job]! < 2) continue;
      const unrest = this.#relaxation.unrest(job);
      if (unrest <= most) continue;
      most = unrest;
      chosen = job;
    }
    return chosen;
  }
}
