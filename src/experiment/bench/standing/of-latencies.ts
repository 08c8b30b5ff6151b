/** How a policy stands in a benchmark that compares latencies: by mean ratios and by the P95 of all seeds together, both to the baseline's. */

import { nearestRank, sortNumbers } from "../../../measure/statistics.ts";
import { InputError } from "../../../trace/input-error.ts";
import { round, type BenchFileCell } from "../bench-file.ts";
import { isAt, toPlaces, type Place } from "../places.ts";
import { baseline } from "../policy-lists.ts";
import {
  differenceOfMeans,
  differenceOfP95,
  meanRatio,
  pairUp,
  ratioOf,
  type Difference,
  type Pairing,
  type Runs,
} from "../statistics.ts";
import { toldName } from "../told.ts";
import { isOther, judge, type Rated, type StandingRow, type Standings } from "./standing.ts";

/** What is needed of a result file. */
export type LatencyFile = {
  readonly benchmark: string;
  readonly cells: readonly Pick<BenchFileCell, "cluster" | "mode" | "policy" | "seed" | "latenciesUs">[];
};

type Runner = { readonly runs: Runs; readonly toBaseline: Pairing };

/** `path` is where the file lies. */
export function standInLatencies(file: LatencyFile, subject: string, path: string): Standings {
  const all = toPlaces({ summary: file.cells }).map((place) => standAt(file, place, subject, path));
  return { rows: all.flatMap(({ rows }) => rows), missing: all.flatMap(({ missing }) => missing) };
}

function standAt({ benchmark, cells }: LatencyFile, place: Place, subject: string, path: string): Standings {
  const here = Map.groupBy(cells.filter(isAt(place)), ({ policy }) => policy);
  const names = [...here.keys()].filter((name) => isOther(name, subject));
  const at = { benchmark, ...place };
  const seeds = here.get(subject)?.map(({ seed }) => seed) ?? [];
  if (seeds.length === 0) return { rows: [], missing: [{ ...at, others: names.length }] };
  const runsOf = (policy: string): readonly Runs[] => {
    const own = new Map(here.get(policy)?.map(({ seed, latenciesUs }) => [seed, latenciesUs]));
    // Whoever lacks a seed of the subject's cannot be held against it.
    return seeds.every((seed) => own.has(seed))
      ? [{ policy, latenciesUs: seeds.map((seed) => own.get(seed) ?? []) }]
      : [];
  };
  const [yardstick] = runsOf(baseline);
  if (yardstick === undefined)
    throw new InputError(path, "cells", `not all seeds of ${baseline} on ${place.cluster}, ${place.mode}`, "them too");
  const runnerOf = (policy: string): readonly Runner[] =>
    runsOf(policy).map((runs) => ({ runs, toBaseline: pairUp(runs, yardstick) }));
  const [own] = runnerOf(subject);
  const others = names.flatMap(runnerOf);
  if (own === undefined || others.length === 0) return { rows: [], missing: [] };
  const [told] = runnerOf(toldName(subject));
  const rows = measures.map(({ measure, valueOf, differenceTo }): StandingRow => {
    const best = others.reduce((least, each) => (valueOf(each) < valueOf(least) ? each : least));
    const { mean, low, high, verdict } = differenceTo(own, best, place);
    const toRated = (runner: Runner): Rated => ({ policy: runner.runs.policy, value: round(valueOf(runner)) });
    return {
      ...at,
      measure,
      seeds: seeds.length,
      own: round(valueOf(own)),
      best: toRated(best),
      others: others.map(toRated),
      ...judge(mean, verdict === "open" ? null : [round(low), round(high)], verdict),
      ...(told === undefined ? {} : { told: round(ratioOf(valueOf(told), valueOf(own)) - 1) }),
    };
  });
  return { rows, missing: [] };
}

const measures: readonly {
  readonly measure: string;
  readonly valueOf: (runner: Runner) => number;
  readonly differenceTo: (own: Runner, best: Runner, place: Place) => Difference;
}[] = [
  {
    measure: "mean",
    valueOf: ({ toBaseline }) => meanRatio(toBaseline).mean,
    differenceTo: (own, best) => differenceOfMeans(own.toBaseline, best.toBaseline),
  },
  {
    measure: "P95",
    valueOf: ({ toBaseline: { own, other } }) => ratioOf(pooledP95(own), pooledP95(other)),
    differenceTo: (own, best, { cluster, mode }) =>
      // Drawn as the report of the benchmark draws, so that both show the same interval.
      differenceOfP95(pairUp(own.runs, best.runs), [cluster, mode, own.runs.policy, best.runs.policy].join("/")),
  },
];

function pooledP95(latenciesUs: readonly (readonly number[])[]): number {
  return nearestRank(sortNumbers(latenciesUs.flat()), 0.95);
}
