/**
 * Who takes what, once: jobs choose one of their candidates or wait, resources bound what fits together, and what a
 * choice costs may depend on what else is chosen.
 *
 * minimise  sum of the chosen candidates' costs + waiting costs
 *         + each group's cost, once, if any candidate of it is chosen   (a set-up that is shared)
 *         + each joint term whose two candidates are both chosen        (negative: a bonus)
 * subject to  uses of chosen candidates <= capacity, for every resource.
 */

import { strict as assert } from "node:assert";

/** Part of a resource that a candidate takes; the resource is an index into `capacities`. */
export type Use = { readonly resource: number; readonly amount: number };

/** One way to do a job. Groups are indices into `groupCosts`. */
export type Candidate = {
  readonly cost: number;
  readonly uses: readonly Use[];
  readonly groups?: readonly number[];
};

export type Job = { readonly waitCost: number; readonly candidates: readonly Candidate[] };

/** A candidate of a job, both by index. */
export type Pick = { readonly job: number; readonly candidate: number };

/** What it costs, or saves when negative, that both are chosen. Their jobs differ; a pair is named once. */
export type JointTerm = { readonly left: Pick; readonly right: Pick; readonly cost: number };

export type AssignmentParts = {
  readonly jobs: readonly Job[];
  readonly capacities: readonly number[];
  readonly groupCosts?: readonly number[];
  readonly joints?: readonly JointTerm[];
};

/** Per job the index of its candidate, or `waiting`. */
export type Choice = readonly number[];

export const waiting = -1;

/** What a problem may hold; beyond it the caller has to plan a smaller frontier. */
export const limits = {
  jobs: 256,
  candidates: 8192,
  resources: 2048,
  groups: 4096,
  joints: 16_384,
  cost: 2 ** 40,
  totalCost: 2 ** 50,
  amount: 2 ** 28,
} as const;

/** A problem that holds what it promises: whole numbers, known indices, sizes and sums within `limits`. */
export class Assignment {
  readonly jobs: readonly Job[];
  readonly capacities: readonly number[];
  readonly groupCosts: readonly number[];
  readonly joints: readonly JointTerm[];

  constructor({ jobs, capacities, groupCosts = [], joints = [] }: AssignmentParts) {
    this.jobs = jobs;
    this.capacities = capacities;
    this.groupCosts = groupCosts;
    this.joints = joints;
    this.#checkSizes();
    for (const capacity of capacities) checkWhole("a capacity", capacity, 0, limits.amount);
    for (const cost of groupCosts) checkWhole("the cost of a group", cost, 0, limits.cost);
    for (const job of jobs) this.#checkJob(job);
    this.#checkJoints();
    this.#checkTotal();
  }

  #checkSizes(): void {
    const candidates = this.jobs.reduce((sum, job) => sum + job.candidates.length, 0);
    checkWhole("the number of jobs", this.jobs.length, 0, limits.jobs);
    checkWhole("the number of candidates", candidates, 0, limits.candidates);
    checkWhole("the number of resources", this.capacities.length, 0, limits.resources);
    checkWhole("the number of groups", this.groupCosts.length, 0, limits.groups);
    checkWhole("the number of joint terms", this.joints.length, 0, limits.joints);
  }

  #checkJob(job: Job): void {
    checkWhole("the cost of waiting", job.waitCost, -limits.cost, limits.cost);
    for (const { cost, uses, groups = [] } of job.candidates) {
      checkWhole("the cost of a candidate", cost, -limits.cost, limits.cost);
      for (const { resource, amount } of uses) {
        checkWhole("a resource", resource, 0, this.capacities.length - 1);
        checkWhole("an amount", amount, 0, limits.amount);
      }
      for (const group of groups) checkWhole("a group", group, 0, this.groupCosts.length - 1);
      assert(new Set(uses.map(({ resource }) => resource)).size === uses.length, "a candidate names a resource twice");
      assert(new Set(groups).size === groups.length, "a candidate names a group twice");
    }
  }

  #checkJoints(): void {
    const seen = new Set<string>();
    for (const { left, right, cost } of this.joints) {
      checkWhole("the cost of a joint term", cost, -limits.cost, limits.cost);
      for (const { job, candidate } of [left, right]) {
        checkWhole("the job of a joint term", job, 0, this.jobs.length - 1);
        checkWhole("the candidate of a joint term", candidate, 0, (this.jobs[job]?.candidates.length ?? 0) - 1);
      }
      assert(left.job !== right.job, `a joint term needs two jobs, and both are ${left.job}`);
      const [one, other] = left.job < right.job ? [left, right] : [right, left];
      const key = `${one.job}.${one.candidate} ${other.job}.${other.candidate}`;
      assert(!seen.has(key), `two joint terms name the pair ${key}`);
      seen.add(key);
    }
  }

  /** Sums stay exact in doubles, doubled ones too. */
  #checkTotal(): void {
    let total = 0;
    for (const { waitCost, candidates } of this.jobs) {
      total += candidates.reduce((most, { cost }) => Math.max(most, Math.abs(cost)), Math.abs(waitCost));
    }
    for (const cost of this.groupCosts) total += cost;
    for (const { cost } of this.joints) total += Math.abs(cost);
    assert(total <= limits.totalCost, `the costs sum to ${total}, more than ${limits.totalCost}`);
  }
}

function checkWhole(what: string, value: number, least: number, most: number): void {
  assert(
    Number.isInteger(value) && value >= least && value <= most,
    `${what} is ${value}; expected a whole number from ${least} to ${most}`,
  );
}

/** What the choice costs in all; the definition that every solver is held to. */
export function costOf(problem: Assignment, choice: Choice): number {
  let cost = 0;
  const opened = new Set<number>();
  for (const [index, job] of problem.jobs.entries()) {
    const candidate = candidateOf(problem, choice, index);
    cost += candidate === undefined ? job.waitCost : candidate.cost;
    for (const group of candidate?.groups ?? []) opened.add(group);
  }
  for (const group of opened) cost += problem.groupCosts[group] ?? 0;
  for (const { left, right, cost: joint } of problem.joints) {
    if (choice[left.job] === left.candidate && choice[right.job] === right.candidate) cost += joint;
  }
  return cost;
}

/** Whether every resource holds what the choice puts on it. */
export function isFeasible(problem: Assignment, choice: Choice): boolean {
  const left = [...problem.capacities];
  for (const index of problem.jobs.keys()) {
    for (const { resource, amount } of candidateOf(problem, choice, index)?.uses ?? []) {
      left[resource] = (left[resource] ?? 0) - amount;
    }
  }
  return left.every((amount) => amount >= 0);
}

function candidateOf(problem: Assignment, choice: Choice, job: number): Candidate | undefined {
  const picked = choice[job];
  assert(choice.length === problem.jobs.length && picked !== undefined, "a choice has one entry per job");
  if (picked === waiting) return undefined;
  const candidate = problem.jobs[job]?.candidates[picked];
  assert(candidate !== undefined, `job ${job} has no candidate ${picked}`);
  return candidate;
}
