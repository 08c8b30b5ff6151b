/** The problem as CP-SAT reads it: a literal per option, exactly one a job; literals for open groups and joint terms. */

import type { CpModelProto } from "or-tools-wasm/cp-sat";
import { type Assignment, type Choice, type Pick, waiting } from "./assignment.ts";
import { toOptions } from "./options.ts";

/** Variables are the rows of `toOptions`, then the groups, then the joint terms, each in their order. */
export function toCpModel(problem: Assignment, hint: Choice): CpModelProto {
  const { rows, starts } = toOptions(problem);
  const { jobs, capacities, groupCosts, joints } = problem;
  const literalOf = ({ job, candidate }: Pick): number => (starts[job] ?? 0) + candidate;
  const groupOf = (group: number): number => rows.length + group;
  const jointOf = (joint: number): number => rows.length + groupCosts.length + joint;
  const constraints: NonNullable<CpModelProto["constraints"]> = [];

  const within = new Implied();
  for (const job of jobs.keys()) {
    const literals = rows.flatMap((option, row) => (option.job === job ? [row] : []));
    constraints.push({ exactlyOne: { literals } });
  }
  const users = capacities.map(() => ({ vars: [] as number[], coeffs: [] as number[] }));
  for (const [row, { uses, groups }] of rows.entries()) {
    for (const { resource, amount } of uses) {
      users[resource]?.vars.push(row);
      users[resource]?.coeffs.push(amount);
    }
    for (const group of groups) constraints.push({ boolOr: { literals: [not(row), groupOf(group)] } });
  }
  for (const [resource, { vars, coeffs }] of users.entries()) {
    const capacity = capacities[resource] ?? 0;
    if (coeffs.reduce((sum, amount) => sum + amount, 0) <= capacity) continue;
    constraints.push(
      coeffs.every((amount) => 2 * amount > capacity && amount <= capacity)
        ? { atMostOne: { literals: vars } }
        : { linear: { vars, coeffs, domain: [0, capacity] } },
    );
  }
  for (const [index, { left, right, cost }] of joints.entries()) {
    const leftRow = literalOf(left);
    const rightRow = literalOf(right);
    // The objective pulls a bonus up and a malus down, so each needs to be held in the other direction only.
    if (cost < 0) {
      within.add(leftRow, right.job, jointOf(index));
      within.add(rightRow, left.job, jointOf(index));
    } else {
      constraints.push({ boolOr: { literals: [not(leftRow), not(rightRow), jointOf(index)] } });
    }
  }
  constraints.push(...within.toConstraints());

  const coeffs = [...rows.map(({ cost }) => cost), ...groupCosts, ...joints.map(({ cost }) => cost)];
  const vars = [...coeffs.keys()];
  return {
    variables: vars.map(() => ({ domain: [0, 1] })),
    constraints,
    objective: { vars, coeffs },
    solutionHint: { vars, values: toHint(problem, starts, rows.length, hint) },
  };
}

/** Every variable at the value it has under the choice. */
function toHint(
  { jobs, groupCosts, joints }: Assignment,
  starts: readonly number[],
  rows: number,
  choice: Choice,
): number[] {
  const values = Array.from({ length: rows + groupCosts.length + joints.length }, () => 0);
  for (const [job, { candidates }] of jobs.entries()) {
    const picked = choice[job] ?? waiting;
    values[(starts[job] ?? 0) + (picked === waiting ? candidates.length : picked)] = 1;
    for (const group of candidates[picked]?.groups ?? []) values[rows + group] = 1;
  }
  for (const [index, { left, right }] of joints.entries()) {
    const both = choice[left.job] === left.candidate && choice[right.job] === right.candidate;
    values[rows + groupCosts.length + index] = both ? 1 : 0;
  }
  return values;
}

function not(literal: number): number {
  return -literal - 1;
}

/**
 * "Each of these implies that", gathered by the job that the causes belong to: a job takes one option, so one constraint
 * says it for all causes at once, which the linear relaxation sees far better than a clause each. (For the options of a
 * group it is the other way round: there clauses measured faster.)
 */
class Implied {
  readonly #causes = new Map<string, { readonly effect: number; readonly literals: number[] }>();

  add(effect: number, job: number, cause: number): void {
    const key = `${effect} ${job}`;
    const known = this.#causes.get(key);
    if (known === undefined) this.#causes.set(key, { effect, literals: [cause] });
    else known.literals.push(cause);
  }

  toConstraints(): readonly { readonly atMostOne: { readonly literals: number[] } }[] {
    return Array.from(this.#causes.values(), ({ effect, literals }) => ({
      atMostOne: { literals: [...literals, not(effect)] },
    }));
  }
}
