import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRng } from "../../src/random/rng.ts";
import { costOf, isFeasible } from "../../src/solve/assignment.ts";
import { createCpSat } from "../../src/solve/cp-sat.ts";
import { solveExactly } from "../../src/solve/exact.ts";
import { solveGreedily } from "../../src/solve/greedy.ts";
import { solveAssignment } from "../../src/solve/solve.ts";
import { crowdedFrontier } from "./crowd.ts";
import { anyProblem } from "./support.ts";

const cpSat = createCpSat();
beforeAll(() => cpSat.warmUp());
afterAll(() => cpSat[Symbol.asyncDispose]());

test("CP-SAT and the exact search agree on what the best choice costs", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 6, candidates: 4 }), (problem) => {
      const solution = cpSat.solve(problem, solveGreedily(problem).choice);
      expect(isFeasible(problem, solution.choice)).toBe(true);
      expect(costOf(problem, solution.choice)).toBe(solution.cost);
      const { cost } = solveExactly(problem, { nodeBudget: 100_000 });
      expect(solution).toMatchObject({ status: "optimal", cost });
    }),
    { numRuns: 300, seed: 4 },
  );
});

test("one frontier gives one plan, from one solver or from two", async () => {
  await using other = createCpSat();
  for (const seed of [1, 2, 3]) {
    const problem = crowdedFrontier(createRng(seed), 16, 16);
    const hint = solveGreedily(problem).choice;
    const first = cpSat.solve(problem, hint, { deterministicSeconds: 0.02 });
    expect(cpSat.solve(problem, hint, { deterministicSeconds: 0.02 })).toEqual(first);
    expect(other.solve(problem, hint, { deterministicSeconds: 0.02 })).toEqual(first);
    expect(first.cost).toBeLessThanOrEqual(costOf(problem, hint));
  }
});

test("without time the best known comes back with a reason, and is never worse than the hint", () => {
  const problem = crowdedFrontier(createRng(1), 32, 16);
  const hint = solveGreedily(problem);
  const none = cpSat.solve(problem, hint.choice, { deterministicSeconds: 0 });
  expect(none).toEqual({ ...hint, status: "fallback", reason: "the solver ended with UNKNOWN" });
  const some = cpSat.solve(problem, hint.choice, { deterministicSeconds: 0.02 });
  expect(some.status).toBe("feasible");
  expect(some.cost).toBeLessThanOrEqual(hint.cost);
});

test.each([
  ["says nothing", "data:text/javascript,setInterval(() => {}, 1000)"],
  ["does not load", "data:text/javascript,throw new Error('broken')"],
])("a solver that %s leaves the hint standing", async (_, file) => {
  await using broken = createCpSat({ patienceMs: 50, workerFile: new URL(file) });
  const problem = crowdedFrontier(createRng(1), 4, 4);
  const hint = solveGreedily(problem);
  const reason = "the solver gave no answer within 50 ms";
  expect(broken.solve(problem, hint.choice)).toEqual({ ...hint, status: "fallback", reason });
  expect(broken.solve(problem, hint.choice)).toMatchObject({ status: "fallback", reason });
});

test("a small frontier goes to the exact search, a large one to CP-SAT", () => {
  const small = crowdedFrontier(createRng(1), 4, 4);
  expect(solveAssignment(small, { cpSat })).toMatchObject({ by: "exact", status: "optimal" });
  const large = crowdedFrontier(createRng(1), 64, 8);
  expect(solveAssignment(large, { cpSat })).toMatchObject({ by: "cp-sat", status: "optimal" });
  expect(solveAssignment(large)).toMatchObject({ by: "exact", status: "feasible", reason: "out of nodes" });
});

test("what the exact search does not prove within its nodes CP-SAT takes over", () => {
  const problem = crowdedFrontier(createRng(1), 8, 4);
  const proven = solveAssignment(problem, { nodeBudget: 1_000_000 });
  expect(solveAssignment(problem, { cpSat, nodeBudget: 1 })).toMatchObject({ by: "cp-sat", cost: proven.cost });
});
