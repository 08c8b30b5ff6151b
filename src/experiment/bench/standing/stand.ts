/** Reads the result files of all benchmarks, and says how one policy stands in each. */

import { parseJson } from "../../../trace/parse-text.ts";
import { parseAs } from "../../../trace/shape.ts";
import { modeOf } from "../agents/groups.ts";
import type { Group } from "../benchmark.ts";
import { benchmarks } from "../benchmarks.ts";
import { agentsShape, benchShape } from "../html/result-shapes.ts";
import { standInAgents, withError } from "./of-agents.ts";
import { standInLatencies } from "./of-latencies.ts";
import { standInWorkshop, workshopShape } from "./of-workshop.ts";
import type { MissingPlace, StandingPlace, StandingRow, Standings } from "./standing.ts";

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

export type ResultText = { readonly benchmark: string; readonly path: string; readonly text: string };

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

function standIn(policy: string, { benchmark, path, text }: ResultText): Standings & { readonly source: Source } {
  const value = parseJson(text, path);
  if (benchmark === workshop) {
    const file = parseAs(workshopShape, value, path);
    return { source: toSource(file), ...standInWorkshop(file, policy) };
  }
  const definition = benchmarks[benchmark];
  const groups = definition?.groups(undefined) ?? [];
  if (definition?.report === "agents") {
    const file = parseAs(agentsShape, value, path);
    return { source: toSource(file), ...withWhatNeverRan(standInAgents(file, policy), benchmark, groups) };
  }
  const file = parseAs(benchShape, value, path);
  return { source: toSource(file), ...withWhatNeverRan(standInLatencies(file, policy, path), benchmark, groups) };
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

function keyOf({ benchmark, cluster, mode }: StandingPlace): string {
  return JSON.stringify([benchmark, cluster, mode]);
}

function placeOf(benchmark: string, { cluster, mode, workload }: Group): StandingPlace {
  return workload.kind === "agents"
    ? { benchmark: withError(benchmark, workload.error), cluster, mode: modeOf({ ...workload, error: 0 }) }
    : { benchmark, cluster, mode };
}
