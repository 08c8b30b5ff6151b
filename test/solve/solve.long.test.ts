import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { createRng } from "../../src/random/rng.ts";
import { costOf, isFeasible } from "../../src/solve/assignment.ts";
import { createCpSat } from "../../src/solve/cp-sat.ts";
import { solveExactly } from "../../src/solve/exact.ts";
import { solveGreedily } from "../../src/solve/greedy.ts";
import { crowdedFrontier } from "./crowd.ts";
import { boundedFrontier } from "./frontier.ts";
import { anyProblem, solveByTrying } from "./support.ts";

const workBudget = 100_000_000;
const cpSat = createCpSat();
afterAll(() => cpSat[Symbol.asyncDispose]());

test("on ten thousand problems the exact search equals trying everything", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 5, candidates: 4 }), (problem) => {
      const { choice, cost, optimal } = solveExactly(problem, { workBudget });
      expect({ cost, optimal }).toEqual({ cost: solveByTrying(problem).cost, optimal: true });
      expect(isFeasible(problem, choice)).toBe(true);
      expect(costOf(problem, choice)).toBe(cost);
    }),
    { numRuns: 10_000, seed: 5 },
  );
});

test("on two thousand problems CP-SAT and the exact search agree", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 8, candidates: 4 }), (problem) => {
      const { choice, ...answer } = cpSat.solve(problem, solveGreedily(problem).choice);
      expect(isFeasible(problem, choice)).toBe(true);
      expect(answer).toEqual({ status: "optimal", cost: solveExactly(problem, { workBudget }).cost });
    }),
    { numRuns: 2000, seed: 6 },
  );
});

test("on crowded frontiers they agree too", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const problem = crowdedFrontier(createRng(seed), 4 + (seed % 5), 4 + (seed % 3));
    const exact = solveExactly(problem, { workBudget });
    expect(exact.optimal).toBe(true);
    const { choice: _, ...answer } = cpSat.solve(problem, solveGreedily(problem).choice);
    expect(answer).toEqual({ status: "optimal", cost: exact.cost });
  }
});

test("on frontiers as a policy poses them they agree as well", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const problem = boundedFrontier(createRng(seed), {
      jobs: 4 + (seed % 21),
      engines: 4 + (seed % 13),
      joints: seed % 3 > 0,
    });
    const exact = solveExactly(problem, { workBudget });
    expect(exact.optimal).toBe(true);
    const { choice: _, ...answer } = cpSat.solve(problem, exact.choice, { deterministicSeconds: 5 });
    expect(answer).toEqual({ status: "optimal", cost: exact.cost });
  }
});
