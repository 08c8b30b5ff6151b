/**
 * A frontier as a policy poses it once its bounds are in force: at most six candidates a job, the cheapest ones; an engine
 * takes one stage at a time; some candidates take two engines; a host's copy of a model is loaded once for all; stages of
 * one workflow gain on one host, and now and then two stages are in each other's way there.
 */

import type { Rng } from "../../src/random/rng.ts";
import { Assignment, type Candidate, type Job, type JointTerm } from "../../src/solve/assignment.ts";

export type FrontierOptions = {
  readonly jobs: number;
  readonly engines: number;
  readonly joints: boolean;
  /** Engines of one speed and jobs of one size: as many ties as there can be. */
  readonly uniform?: boolean;
};

const candidatesPerJob = 6;
const enginesPerHost = 4;
const models = 4;
const loadUs = 800_000;
const siblings = 4;

export function boundedFrontier(rng: Rng, { jobs, engines, joints, uniform = false }: FrontierOptions): Assignment {
  const hosts = Math.ceil(engines / enginesPerHost);
  const speeds = Array.from({ length: engines }, () => (uniform ? 1 : 2 ** rng.below(3)));
  const resident = Array.from({ length: engines }, () => rng.below(models));
  const list = Array.from({ length: jobs }, (): Job => {
    const model = rng.below(models);
    const workUs = uniform ? 1_000_000 : 200_000 + rng.below(3_000_000);
    const candidates = speeds.flatMap((speed, engine): Candidate[] => {
      const missesUs = uniform || rng.below(3) === 0 ? 0 : rng.below(1_000_000);
      const groups = resident[engine] === model ? [] : [model * hosts + hostOf(engine)];
      const alone = { cost: Math.round(workUs / speed) + missesUs, uses: [{ resource: engine, amount: 1 }], groups };
      const partner = engine + 1;
      if (partner >= engines || hostOf(partner) !== hostOf(engine) || model !== 0) return [alone];
      const uses = [...alone.uses, { resource: partner, amount: 1 }];
      return [alone, { cost: Math.round((0.6 * workUs) / speed) + missesUs, uses, groups }];
    });
    const waitCost = uniform ? 3_000_000 : 2_000_000 + rng.below(3_000_000);
    return { waitCost, candidates: keepCheapest(candidates) };
  });
  return new Assignment({
    jobs: list,
    capacities: speeds.map(() => 1),
    groupCosts: Array.from({ length: models * hosts }, () => loadUs),
    joints: joints ? [...onOneHost(list, siblingPairs(jobs), -300_000), ...clashes(rng, list)] : [],
  });
}

function hostOf(engine: number): number {
  return Math.floor(engine / enginesPerHost);
}

function keepCheapest(candidates: readonly Candidate[]): readonly Candidate[] {
  const guess = ({ cost, groups = [], uses }: Candidate): number =>
    cost + (groups.length * loadUs) / 2 + uses.length * 100_000;
  return [...candidates].sort((left, right) => guess(left) - guess(right)).slice(0, candidatesPerJob);
}

function siblingPairs(jobs: number): [number, number][] {
  return Array.from({ length: Math.max(0, jobs - 1) }, (_, job): [number, number] => [job, job + 1]).filter(
    ([job]) => job % siblings !== siblings - 1,
  );
}

/** Pairs that are no siblings, each once. */
function clashes(rng: Rng, jobs: readonly Job[]): JointTerm[] {
  const pairs = Array.from({ length: Math.floor((jobs.length - siblings) / 2) }, (_, index): [number, number] => {
    const left = 2 * index;
    return [left, Math.min(jobs.length - 1, left + siblings + rng.below(3))];
  });
  return onOneHost(jobs, pairs, 200_000);
}

function onOneHost(jobs: readonly Job[], pairs: readonly (readonly [number, number])[], cost: number): JointTerm[] {
  return pairs.flatMap(([left, right]) =>
    hostsOf(jobs[left]).flatMap((host, candidate) =>
      hostsOf(jobs[right]).flatMap((other, otherCandidate) =>
        host === other
          ? [{ left: { job: left, candidate }, right: { job: right, candidate: otherCandidate }, cost }]
          : [],
      ),
    ),
  );
}

function hostsOf(job: Job | undefined): number[] {
  return job?.candidates.map(({ uses }) => hostOf(uses[0]?.resource ?? 0)) ?? [];
}
