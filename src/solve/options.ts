/**
 * A problem laid flat for the searches: one row per option of a job, its candidates in order and waiting last.
 * Rows of a job are neighbours, so "the options of a job" is a range and comparing row numbers is comparing choices.
 */

import { waiting, type Assignment, type Choice, type Use } from "./assignment.ts";

/** The other end of a joint term. */
type Joined = { readonly option: number; readonly job: number; readonly cost: number };

export type Option = {
  readonly job: number;
  readonly cost: number;
  readonly uses: readonly Use[];
  readonly groups: readonly number[];
  readonly joined: readonly Joined[];
};

export type Options = {
  readonly rows: readonly Option[];
  /** The rows of job j are `starts[j]` up to but without `starts[j + 1]`. */
  readonly starts: readonly number[];
};

export function toOptions({ jobs, joints }: Assignment): Options {
  const starts = [0];
  for (const { candidates } of jobs) starts.push((starts.at(-1) ?? 0) + candidates.length + 1);
  const joinedOf: Joined[][] = Array.from({ length: starts.at(-1) ?? 0 }, () => []);
  for (const { left, right, cost } of joints) {
    const leftRow = (starts[left.job] ?? 0) + left.candidate;
    const rightRow = (starts[right.job] ?? 0) + right.candidate;
    joinedOf[leftRow]?.push({ option: rightRow, job: right.job, cost });
    joinedOf[rightRow]?.push({ option: leftRow, job: left.job, cost });
  }
  const rows: Option[] = [];
  for (const [job, { waitCost, candidates }] of jobs.entries()) {
    for (const { cost, uses, groups = [] } of candidates) {
      rows.push({ job, cost, uses, groups, joined: joinedOf[rows.length] ?? [] });
    }
    rows.push({ job, cost: waitCost, uses: [], groups: [], joined: [] });
  }
  return { rows, starts };
}

/** Back from one row per job. */
export function toChoice({ jobs }: Assignment, { starts }: Options, picked: ArrayLike<number>): Choice {
  return jobs.map(({ candidates }, job) => {
    const candidate = (picked[job] ?? 0) - (starts[job] ?? 0);
    return candidate === candidates.length ? waiting : candidate;
  });
}

/** One row per job. */
export function toRows({ jobs }: Assignment, { starts }: Options, choice: Choice): number[] {
  return jobs.map(({ candidates }, job) => {
    const candidate = choice[job]!;
    return starts[job]! + (candidate === waiting ? candidates.length : candidate);
  });
}
