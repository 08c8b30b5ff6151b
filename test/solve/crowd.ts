/**
 * A frontier as a planner would pose it: every stage on every engine, an engine takes one stage at a time and has little
 * memory, half of the stages are siblings of another one and gain when both land on one host, and stages of a model share
 * the host's copy of it.
 */

import type { Rng } from "../../src/random/rng.ts";
import { Assignment, type Candidate, type Job, type JointTerm } from "../../src/solve/assignment.ts";

export function crowdedFrontier(rng: Rng, jobs: number, engines: number): Assignment {
  const hosts = Math.ceil(engines / 2);
  const models = 5;
  const speeds = Array.from({ length: engines }, () => 1 + rng.below(4));
  const list = Array.from({ length: jobs }, (): Job => {
    const model = rng.below(models);
    const workUs = 200_000 + rng.below(3_000_000);
    const candidates = speeds.map((speed, engine): Candidate => {
      const missesUs = rng.below(3) === 0 ? 0 : rng.below(2_000_000);
      const host = Math.floor(engine / 2);
      return {
        cost: Math.round(workUs / speed) + missesUs,
        uses: [
          { resource: engine, amount: 1 },
          { resource: engines + host, amount: 8_000 * (model + 1) },
        ],
        groups: [model * hosts + host],
      };
    });
    return { waitCost: 4_000_000 + rng.below(2_000_000), candidates };
  });
  return new Assignment({
    jobs: list,
    capacities: [...speeds.map(() => 1), ...Array.from({ length: hosts }, () => 64_000)],
    groupCosts: Array.from({ length: models * hosts }, () => 500_000),
    joints: bonusesOnOneHost(jobs, engines),
  });
}

/** Stages 4k and 4k + 1 are siblings. */
function bonusesOnOneHost(jobs: number, engines: number): JointTerm[] {
  const joints: JointTerm[] = [];
  for (let job = 0; job + 1 < jobs; job += 4) {
    for (let engine = 0; engine + 1 < engines; engine += 2) {
      for (const [left, right] of [
        [engine, engine + 1],
        [engine + 1, engine],
      ] as const) {
        joints.push({ left: { job, candidate: left }, right: { job: job + 1, candidate: right }, cost: -300_000 });
      }
    }
  }
  return joints;
}
