/** What can be said about a problem before any search: rows that never pay, and jobs that have nothing to do with others. */

import type { Assignment } from "./assignment.ts";
import { costBeside, type Frame } from "./frame.ts";
import type { Option, Options } from "./options.ts";

/** Strikes out of `frame.kept` what no longer fits, and what another row of its job that asks for no more always beats. */
export function strikeUseless(
  options: Options,
  frame: Frame,
  jobs: readonly number[],
  picked: readonly number[],
): void {
  const { rows, starts } = options;
  const { kept, left } = frame;
  for (const job of jobs) {
    if (frame.decided[job] !== -1) continue;
    const from = starts[job]!;
    const to = starts[job + 1]!;
    const best = new Map<number, number>();
    const worst = new Map<number, number>();
    for (let row = from; row < to; row++) {
      if (kept[row] === 0) continue;
      if (rows[row]!.uses.some(({ resource, amount }) => amount > left[resource]!)) {
        kept[row] = 0;
        continue;
      }
      const cost = costBeside(frame, rows[row]!);
      best.set(row, cost + extreme(frame, rows[row]!, -1));
      worst.set(row, cost + extreme(frame, rows[row]!, 1));
    }
    for (const [row, least] of best) {
      if (row === picked[job]) continue;
      for (const [other, most] of worst) {
        if (other === row || kept[other] === 0 || most > least || (most === least && other > row)) continue;
        if (!asksNoMore(rows[other]!, rows[row]!)) continue;
        kept[row] = 0;
        break;
      }
    }
  }
}

/** What joint terms with open jobs may save (sign -1) or cost (sign 1) at most; of each job one option is chosen. */
function extreme({ kept, decided }: Frame, { joined }: Option, sign: 1 | -1): number {
  if (joined.length === 0) return 0;
  const byJob = new Map<number, number>();
  for (const { option, job, cost } of joined) {
    if (kept[option] === 0 || decided[job] !== -1 || sign * cost <= 0) continue;
    byJob.set(job, sign * Math.max(sign * cost, sign * (byJob.get(job) ?? 0)));
  }
  return byJob.values().reduce((sum, cost) => sum + cost, 0);
}

function asksNoMore(modest: Option, other: Option): boolean {
  return (
    modest.groups.every((group) => other.groups.includes(group)) &&
    modest.uses.every(({ resource, amount }) =>
      other.uses.some((use) => use.resource === resource && use.amount >= amount),
    )
  );
}

/**
 * The open ones of these jobs, apart where they share no scarce resource, no unpaid group and no joint term; the small
 * parts first.
 */
export function splitIntoParts(
  problem: Assignment,
  options: Options,
  frame: Frame,
  jobs: readonly number[],
): readonly (readonly number[])[] {
  const { rows, starts } = options;
  const open = jobs.filter((job) => frame.decided[job] === -1);
  const union = new Union(problem.jobs.length);
  const first = new Map<number, number>();
  const demand = new Map<number, Map<number, number>>();
  for (const job of open) {
    for (let row = starts[job]!; row < starts[job + 1]!; row++) {
      if (frame.kept[row] === 0) continue;
      const { uses, groups, joined } = rows[row]!;
      for (const { resource, amount } of uses) {
        const byJob = demand.get(resource) ?? new Map<number, number>();
        demand.set(resource, byJob);
        byJob.set(job, Math.max(amount, byJob.get(job) ?? 0));
      }
      for (const group of groups) {
        if (problem.groupCosts[group] === 0 || frame.opened[group] === 1) continue;
        union.join(job, first.get(group) ?? job);
        first.set(group, job);
      }
      for (const { option, job: other } of joined) {
        if (frame.kept[option] === 1 && frame.decided[other] === -1) union.join(job, other);
      }
    }
  }
  joinUsers(demand, frame, union);
  return union.parts(open).sort((left, right) => left.length - right.length || left[0]! - right[0]!);
}

/** Jobs meet at a resource only where all of them at once would be too much for it. */
function joinUsers(demand: ReadonlyMap<number, ReadonlyMap<number, number>>, { left }: Frame, union: Union): void {
  for (const [resource, byJob] of demand) {
    if (byJob.values().reduce((sum, amount) => sum + amount, 0) <= left[resource]!) continue;
    let last = -1;
    for (const [job, amount] of byJob) {
      if (amount === 0) continue;
      if (last >= 0) union.join(last, job);
      last = job;
    }
  }
}

/** Sets of jobs that grow together; almost constant time a step. */
class Union {
  readonly #parents: Int32Array;

  constructor(size: number) {
    this.#parents = Int32Array.from({ length: size }, (_, index) => index);
  }

  #root(of: number): number {
    let root = of;
    while (this.#parents[root] !== root) root = this.#parents[root] = this.#parents[this.#parents[root]!]!;
    return root;
  }

  join(left: number, right: number): void {
    const [one, other] = [this.#root(left), this.#root(right)];
    this.#parents[Math.max(one, other)] = Math.min(one, other);
  }

  parts(jobs: readonly number[]): number[][] {
    const parts = new Map<number, number[]>();
    for (const job of jobs) {
      const part = parts.get(this.#root(job));
      if (part === undefined) parts.set(this.#root(job), [job]);
      else part.push(job);
    }
    return [...parts.values()];
  }
}
