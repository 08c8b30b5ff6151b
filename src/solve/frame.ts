/** What is still open in a problem once some rows are struck out: a job that is down to one row is decided. */

import { Assignment, type Choice, waiting } from "./assignment.ts";
import { type Option, type Options, toChoice } from "./options.ts";

export type Frame = {
  /** By row of the problem: 1 where it may still be chosen. Of every job at least one is. */
  readonly kept: Uint8Array;
  /** By job: its row if it has only one, else -1. */
  readonly decided: Int32Array;
  /** By resource, what the decided jobs leave. */
  readonly left: Float64Array;
  /** By group: 1 where a decided job pays for it. */
  readonly opened: Uint8Array;
};

export function toFrame(problem: Assignment, { rows, starts }: Options, kept: Uint8Array): Frame {
  const decided = new Int32Array(problem.jobs.length).fill(-1);
  const left = Float64Array.from(problem.capacities);
  const opened = new Uint8Array(problem.groupCosts.length);
  for (let job = 0; job < decided.length; job++) {
    const only = onlyRow(kept, starts[job]!, starts[job + 1]!);
    decided[job] = only;
    if (only === -1) continue;
    for (const { resource, amount } of rows[only]!.uses) left[resource]! -= amount;
    for (const group of rows[only]!.groups) opened[group] = 1;
  }
  return { kept, decided, left, opened };
}

function onlyRow(kept: Uint8Array, from: number, to: number): number {
  let only = -1;
  for (let row = from; row < to; row++) {
    if (kept[row] === 0) continue;
    if (only !== -1) return -1;
    only = row;
  }
  return only;
}

/** The cost of a row beside the decided ones. */
export function costBeside({ decided }: Frame, { cost, joined }: Option): number {
  let sum = cost;
  for (const { option, job, cost: joint } of joined) if (decided[job] === option) sum += joint;
  return sum;
}

export type Rest = {
  readonly problem: Assignment;
  readonly hint: Choice;
  /** A choice of the rest as one of the whole. */
  toWhole(choice: Choice): Choice;
};

/** The open jobs as a problem of their own, waiting always allowed. `picked` is a row for every job of the whole. */
export function toRest(problem: Assignment, options: Options, frame: Frame, picked: readonly number[]): Rest {
  const { rows, starts } = options;
  const open = [...problem.jobs.keys()].filter((job) => frame.decided[job] === -1);
  const place = new Map<number, { readonly job: number; readonly candidate: number }>();
  const rowsOf = open.map((job, index) => {
    const candidates: number[] = [];
    for (let row = starts[job]!; row < starts[job + 1]! - 1; row++) {
      if (frame.kept[row] === 1) place.set(row, { job: index, candidate: candidates.push(row) - 1 });
    }
    return candidates;
  });
  const joints = [...place].flatMap(([row, left]) =>
    rows[row]!.joined.flatMap(({ option, cost }) => {
      const right = place.get(option);
      return right === undefined || right.job < left.job ? [] : [{ left, right, cost }];
    }),
  );
  const rest = new Assignment({
    jobs: open.map((job, index) => ({
      waitCost: costBeside(frame, rows[starts[job + 1]! - 1]!),
      candidates: rowsOf[index]!.map((row) => ({ ...rows[row]!, cost: costBeside(frame, rows[row]!) })),
    })),
    capacities: Array.from(frame.left),
    groupCosts: problem.groupCosts.map((cost, group) => (frame.opened[group] === 1 ? 0 : cost)),
    joints,
  });
  const toWhole = (choice: Choice): Choice => {
    const whole = [...picked];
    for (const [index, job] of open.entries()) {
      const candidate = choice[index]!;
      whole[job] = candidate === waiting ? starts[job + 1]! - 1 : rowsOf[index]![candidate]!;
    }
    return toChoice(problem, options, whole);
  };
  const hint = open.map((job) => place.get(picked[job]!)?.candidate ?? waiting);
  return { problem: rest, hint, toWhole };
}
