/** Lays open jobs out on a board: what is scarce, what is shared, and which multipliers the relaxation needs for it. */

import type { Assignment } from "./assignment.ts";
import type { Board, Edge, Lists } from "./board.ts";
import { costBeside, type Frame } from "./frame.ts";
import type { Options } from "./options.ts";

/** These open jobs in their order, beside what is decided. */
export function toBoard(problem: Assignment, options: Options, frame: Frame, jobs: readonly number[]): Board {
  const origins: number[] = [];
  const jobOf: number[] = [];
  const starts = [0];
  const localRow = new Map<number, number>();
  for (const [local, job] of jobs.entries()) {
    for (let row = options.starts[job]!; row < options.starts[job + 1]!; row++) {
      if (frame.kept[row] === 0) continue;
      localRow.set(row, origins.length);
      origins.push(row);
      jobOf.push(local);
    }
    starts.push(origins.length);
  }
  const draft = new Draft(problem, options, frame, origins, jobOf, starts);
  draft.addResources();
  draft.addGroups();
  draft.addEdges(new Map(jobs.map((job, local) => [job, local])), localRow);
  return draft.finish();
}

class Draft {
  readonly #problem: Assignment;
  readonly #options: Options;
  readonly #frame: Frame;
  readonly #origins: readonly number[];
  readonly #jobOf: readonly number[];
  readonly #starts: readonly number[];
  readonly #costs: number[];
  readonly #uses: number[][];
  readonly #amounts: number[][];
  readonly #capacities: number[] = [];
  readonly #users: number[][] = [];
  readonly #groups: number[][];
  readonly #groupCosts: number[] = [];
  readonly #slots: number[][] = [];
  readonly #edges: Edge[] = [];
  readonly #terms: number[][];
  readonly #shares: number[][];
  /** By row, the resources of which it leaves nothing for another. */
  readonly #wholes: number[][];
  #multipliers = 0;

  constructor(
    problem: Assignment,
    options: Options,
    frame: Frame,
    origins: readonly number[],
    jobOf: readonly number[],
    starts: readonly number[],
  ) {
    this.#problem = problem;
    this.#options = options;
    this.#frame = frame;
    this.#origins = origins;
    this.#jobOf = jobOf;
    this.#starts = starts;
    this.#costs = origins.map((origin) => costBeside(frame, options.rows[origin]!));
    const lists = (): number[][] => origins.map(() => []);
    this.#uses = lists();
    this.#amounts = lists();
    this.#groups = lists();
    this.#terms = lists();
    this.#shares = lists();
    this.#wholes = lists();
  }

  /** Those that could run short; of an amount that leaves no room for any other it takes the whole. */
  addResources(): void {
    const users = new Map<number, { row: number; amount: number }[]>();
    for (const [row, origin] of this.#origins.entries()) {
      for (const { resource, amount } of this.#options.rows[origin]!.uses) {
        if (amount === 0) continue;
        addTo(users, resource, { row, amount });
      }
    }
    for (const [resource, list] of users) {
      const capacity = this.#frame.left[resource]!;
      const most = new Map<number, number>();
      for (const { row, amount } of list) {
        most.set(this.#jobOf[row]!, Math.max(amount, most.get(this.#jobOf[row]!) ?? 0));
      }
      if (most.values().reduce((sum, amount) => sum + amount, 0) <= capacity) continue;
      const least = list.reduce((known, { amount }) => Math.min(known, amount), Infinity);
      const index = this.#capacities.push(capacity) - 1;
      this.#multipliers += 1;
      this.#users.push(list.map(({ row }) => row));
      for (const { row, amount } of list) {
        const whole = amount + least > capacity;
        this.#uses[row]!.push(index);
        if (whole) this.#wholes[row]!.push(index);
        this.#amounts[row]!.push(whole ? capacity : amount);
        this.#terms[row]!.push(index);
        // A hair less, so that rounding never makes the parts exceed the whole.
        this.#shares[row]!.push(whole ? 1 : (amount / capacity) * (1 - 2 ** -48));
      }
    }
  }

  /**
   * Of a set of rows that exclude each other at most one opens the group, so that one multiplier serves them all: the rows
   * of a job, and those that need the same engine whole. A group that is such a set itself is part of its rows' costs.
   */
  addGroups(): void {
    const members = new Map<number, number[]>();
    for (const [row, origin] of this.#origins.entries()) {
      for (const group of this.#options.rows[origin]!.groups) {
        if (this.#problem.groupCosts[group] === 0 || this.#frame.opened[group] === 1) continue;
        addTo(members, group, row);
      }
    }
    for (const [group, rows] of members) {
      const cost = this.#problem.groupCosts[group]!;
      const sets = this.#exclusiveSets(rows);
      if (sets.some(({ length }) => length === rows.length)) {
        for (const row of rows) this.#costs[row]! += cost;
        continue;
      }
      const index = this.#groupCosts.push(cost) - 1;
      for (const row of rows) this.#groups[row]!.push(index);
      this.#slots.push(sets.map((set) => this.#addSlot(set)));
    }
  }

  #exclusiveSets(rows: readonly number[]): number[][] {
    const byJob = new Map<number, number[]>();
    const byResource = new Map<number, number[]>();
    for (const row of rows) {
      addTo(byJob, this.#jobOf[row]!, row);
      for (const resource of this.#wholes[row]!) addTo(byResource, resource, row);
    }
    const shared = [...byResource.values()].filter((set) =>
      set.some((row) => this.#jobOf[row] !== this.#jobOf[set[0]!]),
    );
    return [...byJob.values(), ...shared];
  }

  #addSlot(rows: readonly number[]): number {
    const slot = this.#multipliers++;
    for (const row of rows) {
      this.#terms[row]!.push(slot);
      this.#shares[row]!.push(1);
    }
    return slot;
  }

  addEdges(localJob: ReadonlyMap<number, number>, localRow: ReadonlyMap<number, number>): void {
    const edges = new Map<number, Edge>();
    for (const [left, origin] of this.#origins.entries()) {
      for (const { option, job, cost } of this.#options.rows[origin]!.joined) {
        const right = localRow.get(option);
        const rightJob = localJob.get(job);
        const leftJob = this.#jobOf[left]!;
        if (right === undefined || rightJob === undefined || rightJob < leftJob || cost === 0) continue;
        const key = leftJob * this.#starts.length + rightJob;
        const edge = edges.get(key) ?? this.#addEdge(leftJob, rightJob);
        edges.set(key, edge);
        edge.costs[(left - this.#starts[leftJob]!) * this.#size(rightJob) + right - this.#starts[rightJob]!]! += cost;
      }
    }
  }

  #addEdge(left: number, right: number): Edge {
    const leftBase = this.#multipliers;
    const rightBase = leftBase + this.#size(left);
    this.#multipliers = rightBase + this.#size(right);
    for (const [job, base] of [
      [left, leftBase],
      [right, rightBase],
    ] as const) {
      for (let index = 0; index < this.#size(job); index++) {
        this.#terms[this.#starts[job]! + index]!.push(base + index);
        this.#shares[this.#starts[job]! + index]!.push(1);
      }
    }
    const edge = { left, right, leftBase, rightBase, costs: this.#clashes(left, right) };
    this.#edges.push(edge);
    return edge;
  }

  /** Nothing for pairs that fit together, infinite for those that never do. */
  #clashes(left: number, right: number): Float64Array {
    const width = this.#size(right);
    return Float64Array.from({ length: this.#size(left) * width }, (_, at) => {
      const one = this.#wholes[this.#starts[left]! + Math.floor(at / width)]!;
      const other = this.#wholes[this.#starts[right]! + (at % width)]!;
      return one.some((resource) => other.includes(resource)) ? Infinity : 0;
    });
  }

  #size(job: number): number {
    return this.#starts[job + 1]! - this.#starts[job]!;
  }

  finish(): Board {
    const jobs = this.#starts.length - 1;
    const terms = toLists(this.#terms);
    const ceiling = 2 ** Math.floor(52 - Math.log2(jobs + terms.items.length + this.#multipliers + 1));
    const unit = this.#chooseUnit(ceiling);
    const scale = (cost: number): number => cost * unit;
    return {
      jobs,
      rows: this.#origins.length,
      starts: Int32Array.from(this.#starts),
      jobOf: Int32Array.from(this.#jobOf),
      origins: Int32Array.from(this.#origins),
      unit,
      costs: Float64Array.from(this.#costs, scale),
      uses: toLists(this.#uses),
      amounts: Float64Array.from(this.#amounts.flat()),
      capacities: Float64Array.from(this.#capacities),
      users: toLists(this.#users),
      groups: toLists(this.#groups),
      groupCosts: Float64Array.from(this.#groupCosts, scale),
      slots: toLists(this.#slots),
      edges: this.#edges.map((edge) => ({ ...edge, costs: edge.costs.map(scale) })),
      links: this.#findLinks(jobs),
      multipliers: this.#multipliers,
      ceiling,
      terms,
      shares: Float64Array.from(this.#shares.flat()),
      twins: this.#findTwins(jobs),
    };
  }

  /** As fine as sums stay exact with: fractions of a cost unit make bounds of small costs sharper. */
  #chooseUnit(ceiling: number): number {
    let total = this.#groupCosts.reduce((sum, cost) => sum + cost, 0);
    for (const cost of this.#costs) total += Math.abs(cost);
    for (const { costs } of this.#edges) for (const cost of costs) if (cost !== Infinity) total += Math.abs(cost);
    let unit = 1;
    while (unit < finestUnit && 2 * unit * total <= ceiling) unit *= 2;
    return unit;
  }

  #findLinks(jobs: number): Lists {
    const links: number[][] = Array.from({ length: jobs }, () => []);
    for (const [index, { left, right }] of this.#edges.entries()) {
      links[left]!.push(index);
      links[right]!.push(index);
    }
    return toLists(links);
  }

  #findTwins(jobs: number): Int32Array {
    const joined = new Set(this.#edges.flatMap(({ left, right }) => [left, right]));
    const last = new Map<string, number>();
    return Int32Array.from({ length: jobs }, (_, job) => {
      if (joined.has(job)) return -1;
      let key = "";
      for (let row = this.#starts[job]!; row < this.#starts[job + 1]!; row++) {
        key += `${this.#costs[row]!}:${this.#uses[row]!.join()}:${this.#amounts[row]!.join()}:${this.#groups[row]!.join()};`;
      }
      const twin = last.get(key) ?? -1;
      last.set(key, job);
      return twin;
    });
  }
}

const finestUnit = 256;

function addTo<T>(sets: Map<number, T[]>, key: number, item: T): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, [item]);
  else set.push(item);
}

function toLists(lists: readonly (readonly number[])[]): Lists {
  const starts = new Int32Array(lists.length + 1);
  for (const [index, list] of lists.entries()) starts[index + 1] = starts[index]! + list.length;
  return { starts, items: Int32Array.from(lists.flat()) };
}
