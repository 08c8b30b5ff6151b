import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../../src/random/rng.ts";
import { Assignment, costOf, isFeasible, waiting } from "../../src/solve/assignment.ts";
import { solveExactly } from "../../src/solve/exact.ts";
import { solveGreedily } from "../../src/solve/greedy.ts";
import { boundedFrontier } from "./frontier.ts";
import { anyProblem, solveByTrying, withTwins } from "./support.ts";
import { portionOf } from "../support/portion.ts";

const workBudget = 10_000_000;
const slot = (resource: number) => [{ resource, amount: 1 }];

test("the exact search finds what trying everything finds", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 4, candidates: 4 }), (problem) => {
      const { choice, cost, optimal } = solveExactly(problem, { workBudget });
      expect({ cost, optimal }).toEqual({ cost: solveByTrying(problem).cost, optimal: true });
      expect(isFeasible(problem, choice)).toBe(true);
      expect(costOf(problem, choice)).toBe(cost);
    }),
    { numRuns: portionOf(700), seed: 1 },
  );
});

test("jobs that are the same are told apart as little as needed, and never too little", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 2, candidates: 4 }), (problem) => {
      const twins = withTwins(problem, 3);
      expect(solveExactly(twins, { workBudget })).toMatchObject({ cost: solveByTrying(twins).cost, optimal: true });
    }),
    { numRuns: portionOf(300), seed: 5 },
  );
});

test("frontiers as a policy poses them, small enough to try everything", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const problem = boundedFrontier(createRng(seed), { jobs: 4, engines: 3 + (seed % 4), joints: seed % 3 > 0 });
    expect(solveExactly(problem, { workBudget })).toMatchObject({ cost: solveByTrying(problem).cost, optimal: true });
  }
});

test("a hint that is best already stands, whatever else is as good", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 5, candidates: 3 }), (problem) => {
      const hint = solveByTrying(problem).choice;
      expect(solveExactly(problem, { workBudget, hint }).choice).toEqual(hint);
    }),
    { numRuns: portionOf(300), seed: 2 },
  );
});

test("at any budget the answer is feasible, costs what it says and is no worse than the hint", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 8, candidates: 5 }), fc.nat({ max: 10_000 }), (problem, budget) => {
      const greedy = solveGreedily(problem);
      expect(isFeasible(problem, greedy.choice)).toBe(true);
      const { choice, cost } = solveExactly(problem, { workBudget: budget });
      expect(isFeasible(problem, choice)).toBe(true);
      expect(costOf(problem, choice)).toBe(cost);
      expect(cost).toBeLessThanOrEqual(greedy.cost);
      expect(solveExactly(problem, { workBudget: budget }).choice).toEqual(choice);
    }),
    { numRuns: portionOf(250), seed: 3 },
  );
});

test("what is left unproven holds the best choice, and is marked where there is any", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 5, candidates: 3 }), fc.nat({ max: 3000 }), (problem, budget) => {
      const best = solveByTrying(problem).cost;
      const { cost, optimal, rest } = solveExactly(problem, { workBudget: budget });
      expect(optimal).toBe(rest === undefined);
      expect(rest === undefined ? best : costOf(problem, rest.toWhole(rest.hint))).toBe(cost);
      if (rest !== undefined) expect(costOf(problem, rest.toWhole(solveByTrying(rest.problem).choice))).toBe(best);
    }),
    { numRuns: portionOf(500), seed: 4 },
  );
});

test("out of budget the best choice found comes back and is not called optimal", () => {
  const problem = new Assignment({
    jobs: [
      {
        waitCost: 50,
        candidates: [
          { cost: 1, uses: slot(0) },
          { cost: 2, uses: slot(1) },
        ],
      },
      {
        waitCost: 50,
        candidates: [
          { cost: 1, uses: slot(0) },
          { cost: 40, uses: slot(1) },
        ],
      },
    ],
    capacities: [1, 1],
  });
  const hint = [0, 1];
  expect(costOf(problem, hint)).toBe(41);
  expect(solveExactly(problem, { workBudget: 0, hint })).toMatchObject({ choice: [1, 0], cost: 3, optimal: false });
  expect(solveExactly(problem, { workBudget, hint })).toMatchObject({ choice: [1, 0], cost: 3, optimal: true });
});

test("two jobs share a set-up that neither would pay alone", () => {
  const candidates = [
    { cost: 5, uses: slot(0) },
    { cost: 1, uses: slot(1), groups: [0] },
  ];
  const problem = new Assignment({
    jobs: [
      { waitCost: 50, candidates },
      { waitCost: 50, candidates },
    ],
    capacities: [2, 2],
    groupCosts: [6],
  });
  expect(solveExactly(problem, { workBudget })).toMatchObject({ choice: [1, 1], cost: 8 });
});

test("a malus keeps two jobs apart, a bonus brings them together", () => {
  const candidates = [
    { cost: 1, uses: [] },
    { cost: 2, uses: [] },
  ];
  const withJoint = (cost: number) =>
    new Assignment({
      jobs: [
        { waitCost: 9, candidates },
        { waitCost: 9, candidates },
      ],
      capacities: [],
      joints: [{ left: { job: 0, candidate: 0 }, right: { job: 1, candidate: 0 }, cost }],
    });
  expect(solveExactly(withJoint(5), { workBudget }).choice).toEqual([0, 1]);
  expect(solveExactly(withJoint(-5), { workBudget }).choice).toEqual([0, 0]);
});

test("a job waits when that is cheaper, or when nothing fits", () => {
  const jobs = [
    { waitCost: 1, candidates: [{ cost: 2, uses: [] }] },
    { waitCost: 9, candidates: [{ cost: 2, uses: [{ resource: 0, amount: 8 }] }] },
    { waitCost: 9, candidates: [] },
  ];
  expect(solveExactly(new Assignment({ jobs, capacities: [7] }), { workBudget })).toMatchObject({
    choice: [waiting, waiting, waiting],
    cost: 19,
  });
});

test("costs in microseconds and memory in MiB stay exact", () => {
  const jobs = Array.from({ length: 6 }, (_, job) => ({
    waitCost: 3_600_000_000,
    candidates: [0, 1].map((resource) => ({
      cost: 600_000_001 + 7 * job * resource,
      uses: [{ resource, amount: 40_000 + 1000 * job }],
    })),
  }));
  const problem = new Assignment({ jobs, capacities: [130_000, 140_000] });
  expect(solveExactly(problem, { workBudget })).toMatchObject({ ...solveByTrying(problem), optimal: true });
});
