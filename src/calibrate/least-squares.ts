/**
 * Robust nonlinear least squares (Levenberg and Marquardt, with Huber's weights) over positive coefficients, taken by their
 * logarithms. Deterministic: fixed start, fixed steps, a fixed number of rounds at most. Small systems only.
 */

export type LeastSquaresProblem = {
  /** Positive. */
  readonly start: readonly number[];
  /** How far the logarithm of each may lie from that of its start at the cost of one unit; `Infinity` leaves it free. */
  readonly spread: readonly number[];
  /** One residual per observation. */
  readonly residuals: (values: readonly number[]) => readonly number[];
  /** Residuals beyond this weigh by their size rather than its square. */
  readonly outlier: number;
  /** Bound of a residual's slope against a logarithm: steeper ones are jumps, which say nothing about the way down. */
  readonly steepest: number;
  readonly rounds: number;
  readonly onRound?: (round: number, cost: number) => void;
};

export function fitLeastSquares(problem: LeastSquaresProblem): readonly number[] {
  let logs = problem.start.map(Math.log);
  let current = evaluate(problem, logs);
  let damping = 1e-2;
  for (let round = 0; round < problem.rounds && damping < 1e6; round++) {
    const { gradient, curvature } = linearise(problem, logs, current);
    let gain = 0;
    while (damping < 1e6) {
      const step = solve(addDamping(curvature, damping), gradient);
      const candidate = logs.map((value, index) => value - Math.max(-0.5, Math.min(0.5, step[index] ?? 0)));
      const next = evaluate(problem, candidate);
      if (next.cost < current.cost) {
        gain = current.cost - next.cost;
        logs = candidate;
        current = next;
        damping /= 4;
        break;
      }
      damping *= 4;
    }
    problem.onRound?.(round + 1, current.cost);
    if (gain < current.cost * 1e-4) break;
  }
  return logs.map(Math.exp);
}

type Evaluation = { readonly residuals: readonly number[]; readonly weights: readonly number[]; readonly cost: number };

/** Residuals of the observations, then of the spreads. */
function evaluate(problem: LeastSquaresProblem, logs: readonly number[]): Evaluation {
  const observed = problem.residuals(logs.map(Math.exp));
  const weights = observed.map((residual) => Math.min(1, problem.outlier / Math.max(Math.abs(residual), 1e-12)));
  const prior = logs.map((value, index) => (value - Math.log(at(problem.start, index))) / at(problem.spread, index));
  let cost = prior.reduce((sum, residual) => sum + residual ** 2, 0);
  for (const residual of observed) {
    const size = Math.abs(residual);
    cost += size <= problem.outlier ? size ** 2 : 2 * problem.outlier * size - problem.outlier ** 2;
  }
  return { residuals: [...observed, ...prior], weights: [...weights, ...prior.map(() => 1)], cost };
}

function linearise(problem: LeastSquaresProblem, logs: readonly number[], current: Evaluation) {
  const step = 0.05;
  const observations = current.residuals.length - logs.length;
  const slopes = logs.map((_, index) => {
    const moved = logs.map((value, other) => (other === index ? value + step : value));
    const { residuals } = evaluate(problem, moved);
    const slope = residuals.map((residual, row) => (residual - at(current.residuals, row)) / step);
    return slope.map((value, row) =>
      row < observations ? Math.max(-problem.steepest, Math.min(problem.steepest, value)) : value,
    );
  });
  const weighted = (left: readonly number[], right: readonly number[]): number =>
    left.reduce((sum, value, row) => sum + value * at(right, row) * at(current.weights, row), 0);
  return {
    gradient: slopes.map((slope) => weighted(slope, current.residuals)),
    curvature: slopes.map((left) => slopes.map((right) => weighted(left, right))),
  };
}

function addDamping(matrix: readonly (readonly number[])[], damping: number): number[][] {
  return matrix.map((row, index) =>
    row.map((value, column) => (column === index ? value * (1 + damping) + 1e-9 : value)),
  );
}

/** Gaussian elimination with pivots; the matrix is positive definite by its damping. */
function solve(matrix: number[][], right: readonly number[]): number[] {
  const size = right.length;
  const rows = matrix.map((row, index) => [...row, at(right, index)]);
  for (let column = 0; column < size; column++) {
    const rest = rows.slice(column);
    const pivot = rest.reduce((best, row) => (Math.abs(at(row, column)) > Math.abs(at(best, column)) ? row : best));
    rows.splice(rows.indexOf(pivot), 1);
    rows.splice(column, 0, pivot);
    for (const row of rows) {
      if (row === pivot) continue;
      const factor = at(row, column) / at(pivot, column);
      for (let index = column; index <= size; index++) row[index] = at(row, index) - factor * at(pivot, index);
    }
  }
  return rows.map((row, index) => at(row, size) / at(row, index));
}

function at(values: readonly number[], index: number): number {
  const value = values[index];
  if (value === undefined) throw new Error(`least squares: no value at ${index}`);
  return value;
}
