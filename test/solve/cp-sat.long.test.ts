import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRng } from "../../src/random/rng.ts";
import { costOf, isFeasible, waiting } from "../../src/solve/assignment.ts";
import { createCpSat } from "../../src/solve/cp-sat.ts";
import { solveExactly } from "../../src/solve/exact.ts";
import { solveGreedily } from "../../src/solve/greedy.ts";
import { solveAssignment } from "../../src/solve/solve.ts";
import { crowdedFrontier } from "./crowd.ts";
import { boundedFrontier } from "./frontier.ts";
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
      const { cost } = solveExactly(problem, { workBudget: 10_000_000 });
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

const silent = "data:text/javascript,setInterval(() => {}, 1000)";
const missing = `data:text/javascript,${encodeURIComponent(`
  import { workerData } from "node:worker_threads";
  const { port, bell } = workerData;
  port.on("message", () => {
    port.postMessage({ kind: "failed", reason: "Cannot find package 'or-tools-wasm'" });
    Atomics.add(bell, 0, 1);
    Atomics.notify(bell, 0);
  });
`)}`;

test.each([
  ["says nothing", silent, "the solver gave no answer within 50 ms"],
  ["does not load", "data:text/javascript,throw new Error('broken')", "the solver gave no answer within 50 ms"],
])("a solver that %s leaves the hint standing and is not asked again", async (_, file, reason) => {
  await using broken = createCpSat({ patienceMs: 50, workerFile: new URL(file) });
  const problem = crowdedFrontier(createRng(1), 4, 4);
  const hint = solveGreedily(problem);
  expect(broken.solve(problem, hint.choice)).toEqual({ ...hint, status: "fallback", reason });
  expect(broken.solve(problem, hint.choice)).toEqual({ ...hint, status: "fallback", reason });
});

test("a thread that rings before its answer lies in the port is waited for", async () => {
  const early = `data:text/javascript,${encodeURIComponent(`
    import { workerData } from "node:worker_threads";
    const { port, bell } = workerData;
    port.on("message", () => {
      Atomics.add(bell, 0, 1);
      Atomics.notify(bell, 0);
      setTimeout(() => port.postMessage({ kind: "failed", reason: "late, but here" }), 30);
    });
  `)}`;
  await using rash = createCpSat({ workerFile: new URL(early) });
  const problem = crowdedFrontier(createRng(1), 4, 4);
  const { choice } = solveGreedily(problem);
  expect(rash.solve(problem, choice)).toMatchObject({ status: "fallback", reason: "late, but here" });
});

test("a solver whose package is missing says so, and the plan is the best that is known without it", async () => {
  await using broken = createCpSat({ workerFile: new URL(missing) });
  const problem = crowdedFrontier(createRng(1), 8, 4);
  const alone = solveAssignment(problem, { workBudget: 1 });
  expect(alone).toMatchObject({
    by: "exact",
    status: "feasible",
    reason: "the exact search ended after 1 units of work",
  });
  expect(solveAssignment(problem, { cpSat: broken, workBudget: 1 })).toEqual({
    ...alone,
    status: "fallback",
    reason: "the exact search ended after 1 units of work, Cannot find package 'or-tools-wasm'",
  });
});

test("what the exact search does not prove within its budget CP-SAT takes over", () => {
  for (const seed of [1, 2, 3]) {
    const problem = boundedFrontier(createRng(seed), { jobs: 16, engines: 8, joints: true });
    const proven = solveAssignment(problem, { cpSat, workBudget: 100_000_000 });
    expect(proven).toMatchObject({ by: "exact", status: "optimal" });
    const taken = solveAssignment(problem, { cpSat, workBudget: 1, deterministicSeconds: 5 });
    expect(taken).toMatchObject({ by: "cp-sat", status: "optimal", cost: proven.cost });
    const stopped = solveAssignment(problem, { cpSat, workBudget: 1, deterministicSeconds: 0 });
    expect(stopped.cost).toBeGreaterThanOrEqual(proven.cost);
    expect(stopped.reason === undefined).toBe(stopped.status === "optimal");
  }
});

test("a plan starts from the better of the hint and greedy", () => {
  const problem = boundedFrontier(createRng(3), { jobs: 16, engines: 8, joints: true });
  const best = solveAssignment(problem, { workBudget: 100_000_000 });
  const start = { workBudget: 0 };
  expect(solveAssignment(problem, { ...start, hint: best.choice })).toMatchObject({
    choice: best.choice,
    cost: best.cost,
  });
  const waits = problem.jobs.map(() => waiting);
  expect(solveAssignment(problem, { ...start, hint: waits })).toEqual(solveAssignment(problem, start));
  const tooMuch = problem.jobs.map(() => 0);
  expect(isFeasible(problem, tooMuch)).toBe(false);
  expect(solveAssignment(problem, { ...start, hint: tooMuch })).toEqual(solveAssignment(problem, start));
});
