import { expect, test } from "vitest";
import { Assignment, costOf, isFeasible, limits, waiting } from "../../src/solve/assignment.ts";

const candidate = { cost: 1, uses: [{ resource: 0, amount: 1 }] };
const job = { waitCost: 5, candidates: [candidate, candidate] };
const pick = (index: number) => ({ job: index, candidate: 0 });
const build = (parts: object) => () => new Assignment({ jobs: [job, job], capacities: [1], ...parts });

test.each([
  ["half a cost", { jobs: [{ ...job, waitCost: 0.5 }] }, /cost of waiting is 0.5/],
  ["an unknown resource", { capacities: [] }, /a resource is 0/],
  ["an unknown group", { jobs: [{ waitCost: 1, candidates: [{ ...candidate, groups: [0] }] }] }, /a group is 0/],
  ["a group that pays", { groupCosts: [-1] }, /cost of a group is -1/],
  ["a negative capacity", { capacities: [-1] }, /a capacity is -1/],
  ["a joint term within a job", { joints: [{ left: pick(0), right: pick(0), cost: 1 }] }, /needs two jobs/],
  ["a joint term out of range", { joints: [{ left: pick(0), right: pick(2), cost: 1 }] }, /job of a joint term is 2/],
  [
    "a pair named twice",
    {
      joints: [
        { left: pick(0), right: pick(1), cost: 1 },
        { left: pick(1), right: pick(0), cost: 1 },
      ],
    },
    /two joint terms name the pair 0.0 1.0/,
  ],
  ["too many jobs", { jobs: Array.from({ length: limits.jobs + 1 }, () => job) }, /number of jobs is 257/],
  ["sums beyond exact", { groupCosts: Array.from({ length: 1025 }, () => limits.cost) }, /costs sum to/],
])("refuses %s", (_, parts, message) => {
  expect(build(parts)).toThrow(message);
});

test("a choice costs its candidates, its waits, each group once and the joint terms it meets", () => {
  const grouped = { ...candidate, groups: [0] };
  const problem = new Assignment({
    jobs: [
      { waitCost: 5, candidates: [grouped] },
      { waitCost: 7, candidates: [grouped] },
      { waitCost: 11, candidates: [] },
    ],
    capacities: [2],
    groupCosts: [100],
    joints: [{ left: pick(0), right: pick(1), cost: -1000 }],
  });
  expect(costOf(problem, [0, 0, waiting])).toBe(1 + 1 + 11 + 100 - 1000);
  expect(costOf(problem, [0, waiting, waiting])).toBe(1 + 7 + 11 + 100);
  expect(costOf(problem, [waiting, waiting, waiting])).toBe(5 + 7 + 11);
  expect(() => costOf(problem, [1, 0, waiting])).toThrow("job 0 has no candidate 1");
});

test("what is chosen must fit", () => {
  const problem = new Assignment({ jobs: [job, job], capacities: [1] });
  expect(isFeasible(problem, [0, waiting])).toBe(true);
  expect(isFeasible(problem, [0, 1])).toBe(false);
});
