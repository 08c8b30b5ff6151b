/** A model for CP-SAT under construction: times, literals and intervals on lines, a makespan to be made least, and a hint. */

import type { CpModelProto, IntervalConstraintProto, SatParameters } from "or-tools-wasm/cp-sat";

/** A time or a literal, by its number. */
export type Variable = number;

export type Solved = {
  readonly status: "optimal" | "feasible" | "unknown";
  /** What the solver proved of the makespan; 0 if nothing. */
  readonly bound: number;
  /** By variable; empty if no solution was found. */
  readonly values: readonly number[];
  /** What it took, in the solver's own seconds. */
  readonly seconds: number;
};

/** Times go from 0 to the latest makespan. */
export class IntervalModel {
  readonly makespan: Variable = 0;
  readonly #most: number;
  readonly #variables: { domain: number[] }[];
  readonly #constraints: NonNullable<CpModelProto["constraints"]> = [];
  readonly #hint = new Map<Variable, number>();

  constructor(least: number, most: number) {
    this.#most = most;
    this.#variables = [{ domain: [least, most] }];
  }

  /** At least `from`, and at least `tail` before the latest makespan. */
  time(from: number, tail: number): Variable {
    return this.#variables.push({ domain: [from, Math.max(from, this.#most - tail)] }) - 1;
  }

  literal(): Variable {
    return this.#variables.push({ domain: [0, 1] }) - 1;
  }

  /** `after` comes `gap` later than `before` at least, where all `literals` hold. */
  ordered(before: Variable, after: Variable, gap: number, ...literals: readonly Variable[]): void {
    this.#constraints.push({
      ...(literals.length === 0 ? {} : { enforcementLiteral: [...literals] }),
      linear: { vars: [after, before], coeffs: [1, -1], domain: [gap, 2 ** 50] },
    });
  }

  /** Of a fixed size, where `literal` holds. */
  interval(start: Variable, size: number, literal: Variable): number {
    const at = { vars: [start], coeffs: [1] };
    return this.#interval(literal, { start: at, size: { offset: size }, end: { ...at, offset: size } });
  }

  /** From one time until another one, where `literal` holds. */
  span(start: Variable, end: Variable, size: Variable, literal: Variable): number {
    this.#constraints.push({
      enforcementLiteral: [literal],
      linear: { vars: [start, size, end], coeffs: [1, 1, -1], domain: [0, 0] },
    });
    const at = (variable: Variable) => ({ vars: [variable], coeffs: [1] });
    return this.#interval(literal, { start: at(start), size: at(size), end: at(end) });
  }

  #interval(literal: Variable, interval: IntervalConstraintProto): number {
    return this.#constraints.push({ enforcementLiteral: [literal], interval }) - 1;
  }

  noOverlap(intervals: readonly number[]): void {
    if (intervals.length > 1) this.#constraints.push({ noOverlap: { intervals: [...intervals] } });
  }

  /** What intervals that overlap demand together stays within the capacity. */
  cumulative(intervals: readonly number[], demands: readonly number[], capacity: number): void {
    if (demands.reduce((sum, demand) => sum + demand, 0) <= capacity) return;
    this.#constraints.push({
      cumulative: {
        capacity: { offset: capacity },
        intervals: [...intervals],
        demands: demands.map((offset) => ({ offset })),
      },
    });
  }

  implies(cause: Variable, effect: Variable): void {
    this.#constraints.push({ boolOr: { literals: [not(cause), effect] } });
  }

  exactlyOne(literals: readonly Variable[]): void {
    this.#constraints.push({ exactlyOne: { literals: [...literals] } });
  }

  /** Where the solver may begin; a hint that is a whole solution is never lost. */
  hint(variable: Variable, value: number): void {
    this.#hint.set(variable, value);
  }

  /** One worker, a fixed seed and a bound in the solver's own seconds, which are the same on every machine: one model has one answer. One call at a time in a thread: the package is not made for two. */
  async solve(deterministicSeconds: number, parameters: SatParameters = {}): Promise<Solved> {
    // Here, since the package is optional.
    const { CpSat } = await import("or-tools-wasm/cp-sat");
    const { response } = await CpSat.solve(await CpSat.createModel(this.#toProto()), {
      numSearchWorkers: 1,
      randomSeed: 1,
      maxDeterministicTime: deterministicSeconds,
      ...parameters,
    });
    const answer = String(response?.status ?? "");
    const status = answer === "OPTIMAL" ? "optimal" : answer === "FEASIBLE" ? "feasible" : "unknown";
    const sound = status !== "unknown" || answer === "UNKNOWN";
    return {
      status,
      bound: sound ? Math.ceil((response?.bestObjectiveBound ?? 0) - 1e-6) : 0,
      values: Array.from(response?.solution ?? [], Number),
      seconds: response?.deterministicTime ?? 0,
    };
  }

  #toProto(): CpModelProto {
    const hinted = [...this.#hint.entries()].toSorted(([left], [right]) => left - right);
    return {
      variables: this.#variables,
      constraints: this.#constraints,
      objective: { vars: [this.makespan], coeffs: [1] },
      ...(hinted.length === 0
        ? {}
        : { solutionHint: { vars: hinted.map(([each]) => each), values: hinted.map(([, value]) => value) } }),
    };
  }
}

/** The literal that holds where this one does not. */
export function not(literal: Variable): Variable {
  return -literal - 1;
}
