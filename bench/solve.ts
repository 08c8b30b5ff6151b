/** How long a plan takes by stages ready and engines, who answered, and how much of it is proven. */

import { createRng } from "../src/random/rng.ts";
import type { Assignment } from "../src/solve/assignment.ts";
import { createCpSat } from "../src/solve/cp-sat.ts";
import { solveGreedily } from "../src/solve/greedy.ts";
import { solveAssignment, type Solved } from "../src/solve/solve.ts";
import { boundedFrontier } from "../test/solve/frontier.ts";

const sizes = [
  [1, 100],
  [4, 8],
  [8, 8],
  [16, 8],
  [32, 8],
  [16, 32],
  [32, 32],
  [64, 32],
  [32, 1000],
] as const;
const problemsPerSize = 100;
const repeats = 3;

export async function benchSolve(): Promise<void> {
  await using cpSat = createCpSat();
  const startMs = performance.now();
  cpSat.warmUp();
  print(`first call of CP-SAT ${(performance.now() - startMs).toFixed(0)} ms`);
  print(
    `${problemsPerSize} frontiers a size, seed 1, at most 6 candidates a job; ms a plan, the middle one of ${repeats} runs`,
  );
  for (const joints of [false, true]) for (const [jobs, engines] of sizes) measure(jobs, engines, joints);
  print(row(["jobs x engines", "joint terms", "p50", "p99", "most", "exact", "CP-SAT", "proven", "greedy above"]));
  for (const joints of [false, true]) {
    for (const [jobs, engines] of sizes) {
      const runs = measure(jobs, engines, joints, (problem) => solveAssignment(problem, { cpSat }));
      const ms = runs.map((run) => run.ms).sort((left, right) => left - right);
      const share = (test: (solved: Solved) => boolean): string =>
        `${((100 * runs.filter(({ solved }) => test(solved)).length) / runs.length).toFixed(0)}%`;
      const excess = runs.reduce((sum, { greedyCost, solved }) => sum + greedyCost / solved.cost - 1, 0) / runs.length;
      print(
        row([
          `${jobs} x ${engines}`,
          joints ? "yes" : "no",
          at(ms, 0.5),
          at(ms, 0.99),
          at(ms, 1),
          share(({ by }) => by === "exact"),
          share(({ by }) => by === "cp-sat"),
          share(({ status }) => status === "optimal"),
          `${(100 * excess).toFixed(2)}%`,
        ]),
      );
    }
  }
}

type Run = { readonly solved: Solved; readonly ms: number; readonly greedyCost: number };

/** Without a solver given the exact search alone, which also warms it up. */
function measure(
  jobs: number,
  engines: number,
  joints: boolean,
  solve: (problem: Assignment) => Solved = solveAssignment,
): readonly Run[] {
  const rng = createRng(1, `solve ${jobs} x ${engines}`);
  return Array.from({ length: problemsPerSize }, () => {
    const problem = boundedFrontier(rng, { jobs, engines, joints });
    const times = Array.from({ length: repeats }, () => timed(() => solve(problem)));
    times.sort((left, right) => left.ms - right.ms);
    const { result: solved, ms } = times[repeats >> 1]!;
    return { solved, ms, greedyCost: solveGreedily(problem).cost };
  });
}

function timed<T>(run: () => T): { readonly result: T; readonly ms: number } {
  const startMs = performance.now();
  const result = run();
  return { result, ms: performance.now() - startMs };
}

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.ceil(share * sorted.length) - 1] ?? 0).toFixed(2);
}

function row(cells: readonly string[]): string {
  return cells.map((cell, index) => cell.padStart(index < 2 ? 15 : 13)).join("");
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
