import { expect, test } from "vitest";
import { shortestFirst, type Job } from "../../src/bound/shortest-first.ts";
import { drawInteger } from "../../src/random/distributions.ts";
import { createRng } from "../../src/random/rng.ts";

/** The least sum of completions if at each whole moment any job that is there may go on. */
function tryAll(jobs: readonly Job[], leftUs: readonly number[], nowUs: number): number {
  if (leftUs.every((left) => left === 0)) return 0;
  const open = jobs.flatMap(({ releaseUs }, job) => (releaseUs <= nowUs && (leftUs[job] ?? 0) > 0 ? [job] : []));
  if (open.length === 0) return tryAll(jobs, leftUs, nowUs + 1);
  const sums = open.map((job) => {
    const left = (leftUs[job] ?? 0) - 1;
    const done = left === 0 ? nowUs + 1 + (jobs[job]?.tailUs ?? 0) : 0;
    return done + tryAll(jobs, leftUs.with(job, left), nowUs + 1);
  });
  return Math.min(...sums);
}

test("no way to share one machine has a smaller sum", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const rng = createRng(seed, "jobs");
    const jobs = Array.from({ length: 3 }, (): Job => ({
      releaseUs: drawInteger(rng, 0, 4),
      workUs: drawInteger(rng, 1, 3),
      tailUs: drawInteger(rng, 0, 2),
    }));
    const leastUs = tryAll(
      jobs,
      jobs.map(({ workUs }) => workUs),
      0,
    );
    expect({ seed, sumUs: shortestFirst(jobs).sumUs }).toEqual({ seed, sumUs: leastUs });
  }
});

test("a job without work ends when it is released, whoever is there", () => {
  const jobs = [
    { releaseUs: 0, workUs: 10, tailUs: 1 },
    { releaseUs: 4, workUs: 0, tailUs: 2 },
  ];
  expect(shortestFirst(jobs).sumUs).toBe(11 + 6);
});

test("says how many wait while the machine works at a job", () => {
  const jobs = [
    { releaseUs: 0, workUs: 10, tailUs: 0 },
    { releaseUs: 5, workUs: 2, tailUs: 0 },
  ];
  expect([...shortestFirst(jobs).waiting]).toEqual([1, 2]);
});
