import fc from "fast-check";
import { expect, test } from "vitest";
import { Assignment, costOf, isFeasible, waiting } from "../../src/solve/assignment.ts";
import { solveExactly } from "../../src/solve/exact.ts";
import { solveGreedily } from "../../src/solve/greedy.ts";
import { anyProblem, solveByTrying } from "./support.ts";

const nodeBudget = 100_000;
const slot = (resource: number) => [{ resource, amount: 1 }];

test("the exact search finds what trying everything finds, to the last tie", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 4, candidates: 4 }), (problem) => {
      const { choice, cost, optimal } = solveExactly(problem, { nodeBudget });
      expect({ choice, cost, optimal }).toEqual({ ...solveByTrying(problem), optimal: true });
    }),
    { numRuns: 1500, seed: 1 },
  );
});

test("the answer does not depend on the hint", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 5, candidates: 3 }), (problem) => {
      const idle = problem.jobs.map(() => waiting);
      expect(solveExactly(problem, { nodeBudget, hint: idle }).choice).toEqual(
        solveExactly(problem, { nodeBudget }).choice,
      );
    }),
    { numRuns: 300, seed: 2 },
  );
});

test("at any budget the answer is feasible, costs what it says and is no worse than the hint", () => {
  fc.assert(
    fc.property(anyProblem({ jobs: 8, candidates: 5 }), fc.nat({ max: 12 }), (problem, budget) => {
      const greedy = solveGreedily(problem);
      expect(isFeasible(problem, greedy.choice)).toBe(true);
      const { choice, cost, nodes } = solveExactly(problem, { nodeBudget: budget });
      expect(isFeasible(problem, choice)).toBe(true);
      expect(costOf(problem, choice)).toBe(cost);
      expect(cost).toBeLessThanOrEqual(greedy.cost);
      expect(nodes).toBeLessThanOrEqual(budget);
    }),
    { numRuns: 500, seed: 3 },
  );
});

test("out of budget the hint comes back and is not called optimal", () => {
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
  expect(solveExactly(problem, { nodeBudget: 0, hint })).toEqual({ choice: hint, cost: 41, optimal: false, nodes: 0 });
  expect(solveExactly(problem, { nodeBudget, hint })).toMatchObject({ choice: [1, 0], cost: 3, optimal: true });
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
  expect(solveExactly(problem, { nodeBudget })).toMatchObject({ choice: [1, 1], cost: 8 });
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
  expect(solveExactly(withJoint(5), { nodeBudget }).choice).toEqual([0, 1]);
  expect(solveExactly(withJoint(-5), { nodeBudget }).choice).toEqual([0, 0]);
});

test("a job waits when that is cheaper, or when nothing fits", () => {
  const jobs = [
    { waitCost: 1, candidates: [{ cost: 2, uses: [] }] },
    { waitCost: 9, candidates: [{ cost: 2, uses: [{ resource: 0, amount: 8 }] }] },
    { waitCost: 9, candidates: [] },
  ];
  expect(solveExactly(new Assignment({ jobs, capacities: [7] }), { nodeBudget })).toMatchObject({
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
  expect(solveExactly(problem, { nodeBudget })).toMatchObject({ ...solveByTrying(problem), optimal: true });
});
