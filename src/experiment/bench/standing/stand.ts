/** Reads the result files of all benchmarks, and says how one policy stands in each. */

import { parseJson } from "../../../trace/parse-text.ts";
import { parseAs } from "../../../trace/shape.ts";
import type { Group } from "../benchmark.ts";
import { benchmarks } from "../benchmarks.ts";
import { agentsShape, benchShape } from "../html/result-shapes.ts";
import { standInAgents } from "./of-agents.ts";
import { standInLatencies } from "./of-latencies.ts";
import { standInWorkshop, workshopShape } from "./of-workshop.ts";
import { keyOf, placeOf } from "./places.ts";
import { onFreshSeeds, type MissingPlace, type StandingRow, type Standings } from "./standing.ts";

/** What ran, of a result file. */
export type Source = {
  readonly benchmark: string;
  readonly version: string;
  readonly command: string;
  readonly seeds: readonly number[];
};

export type Standing = {
  readonly policy: string;
  readonly sources: readonly Source[];
  readonly rows: readonly StandingRow[];
  readonly missing: readonly MissingPlace[];
};

/** Runs outside of `fate bench`, by `npm run bench -- workshop`. */
const workshop = "workshop";

/** Whose result files are read. */
export const compared: readonly string[] = [...Object.keys(benchmarks), workshop];

/** `fresh`: the same benchmark on seeds that had no say in who the rivals are; a part of it will do. */
export type ResultText = {
  readonly benchmark: string;
  readonly fresh?: boolean;
  readonly path: string;
  readonly text: string;
};

/** Beside the result file of a benchmark, where fresh seeds of it may be. */
export function freshName(benchmark: string): string {
  return `${benchmark}-fresh`;
}

/** Throws an `InputError` where a text is no result file. */
export function stand(policy: string, results: readonly ResultText[]): Standing {
  const all = results.map((result) => standIn(policy, result));
  return {
    policy,
    sources: all.map(({ source }) => source),
    rows: all.flatMap(({ rows }) => rows),
    missing: all.flatMap(({ missing }) => missing),
  };
}

type Read = Standings & { readonly source: Source };

function standIn(policy: string, result: ResultText): Read {
  const { benchmark, fresh = false } = result;
  const { source, rows, missing } = readResult(policy, result);
  if (!fresh) {
    const groups = benchmarks[benchmark]?.groups(undefined) ?? [];
    return { source, ...withWhatNeverRan({ rows, missing }, benchmark, groups) };
  }
  return { source: asFresh(source), rows: rows.map(asFresh), missing: [] };
}

function asFresh<T extends { readonly benchmark: string }>(named: T): T {
  return { ...named, benchmark: `${named.benchmark}${onFreshSeeds}` };
}

function readResult(policy: string, { benchmark, path, text }: ResultText): Read {
  const value = parseJson(text, path);
  if (benchmark === workshop) {
    const file = parseAs(workshopShape, value, path);
    return { source: toSource(file), ...standInWorkshop(file, policy) };
  }
  if (benchmarks[benchmark]?.report === "agents") {
    const file = parseAs(agentsShape, value, path);
    return { source: toSource(file), ...standInAgents(file, policy) };
  }
  const file = parseAs(benchShape, value, path);
  return { source: toSource(file), ...standInLatencies(file, policy, path) };
}

function toSource({ benchmark, version, command, seeds }: Source): Source {
  return { benchmark, version, command, seeds };
}

/** Places of a benchmark that its result file lacks, as part of it ran. */
function withWhatNeverRan({ rows, missing }: Standings, benchmark: string, groups: readonly Group[]): Standings {
  const known = new Set([...rows, ...missing].map(keyOf));
  const never = groups
    .map((group) => ({ ...placeOf(benchmark, group), others: 0 }))
    .filter((place) => !known.has(keyOf(place)));
  return { rows, missing: [...missing, ...never] };
}
