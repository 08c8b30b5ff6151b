/** How long a plan takes, by stages ready and engines: the exact search, CP-SAT, and how far greedy is from the best. */

import { createRng } from "../src/random/rng.ts";
import { createCpSat } from "../src/solve/cp-sat.ts";
import { solveExactly } from "../src/solve/exact.ts";
import { solveGreedily } from "../src/solve/greedy.ts";
import { crowdedFrontier } from "../test/solve/crowd.ts";

const sizes = [
  [4, 4],
  [8, 4],
  [8, 8],
  [16, 8],
  [16, 16],
  [32, 8],
  [32, 16],
  [32, 32],
  [64, 8],
  [64, 32],
] as const;
const problemsPerSize = 40;
const nodeBudget = 10_000;

export async function benchSolve(): Promise<void> {
  await using cpSat = createCpSat();
  const startMs = performance.now();
  cpSat.warmUp();
  print(
    `first call of CP-SAT ${(performance.now() - startMs).toFixed(0)} ms; ${problemsPerSize} problems a size, seed 1`,
  );
  print(`exact search within ${nodeBudget} nodes; "proven" counts answers known to be best; ms, p50 / p99`);
  const heads = ["jobs x engines", "greedy", "exact", "proven", "CP-SAT", "proven", "fallback", "greedy above"];
  print(row(heads));
  for (const [jobs, engines] of sizes) {
    const rng = createRng(1, `solve ${jobs} x ${engines}`);
    const runs = Array.from({ length: problemsPerSize }, () => {
      const problem = crowdedFrontier(rng, jobs, engines);
      const greedy = timed(() => solveGreedily(problem));
      const exact = timed(() => solveExactly(problem, { nodeBudget, hint: greedy.result.choice }));
      const cp = timed(() => cpSat.solve(problem, greedy.result.choice));
      return { greedy, exact, cp };
    });
    const proven = runs.filter(({ exact }) => exact.result.optimal).length;
    const optimal = runs.filter(({ cp }) => cp.result.status === "optimal").length;
    const fallback = runs.filter(({ cp }) => cp.result.status === "fallback").length;
    const excess = runs.map(({ greedy, cp }) => greedy.result.cost / Math.max(1, cp.result.cost) - 1);
    const mean = (100 * excess.reduce((sum, part) => sum + part, 0)) / runs.length;
    print(
      row([
        `${jobs} x ${engines}`,
        spread(runs.map(({ greedy }) => greedy.ms)),
        spread(runs.map(({ exact }) => exact.ms)),
        `${proven}/${runs.length}`,
        spread(runs.map(({ cp }) => cp.ms)),
        `${optimal}/${runs.length}`,
        `${fallback}`,
        `${mean.toFixed(2)}%`,
      ]),
    );
  }
}

function timed<T>(run: () => T): { readonly result: T; readonly ms: number } {
  const startMs = performance.now();
  const result = run();
  return { result, ms: performance.now() - startMs };
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((left, right) => left - right);
  const at = (share: number): string => (sorted[Math.ceil(share * sorted.length) - 1] ?? 0).toFixed(1);
  return `${at(0.5)} / ${at(0.99)}`;
}

function row(cells: readonly string[]): string {
  return cells.map((cell, index) => cell.padStart(index === 0 ? 14 : 16)).join("");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
