/** Reads the result files of all benchmarks, and says how one policy stands in each. */

import { parseJson } from "../../../trace/parse-text.ts";
import { InputError } from "../../../trace/input-error.ts";
import { parseAs, type Shape } from "../../../trace/shape.ts";
import type { Group } from "../benchmark.ts";
import { benchmarks } from "../benchmarks.ts";
import { subject as reference } from "../agents/policies.ts";
import { agentsShape, benchShape } from "../html/result-shapes.ts";
import { standInAgents } from "./of-agents.ts";
import { standInLatencies } from "./of-latencies.ts";
import { standInWorkshop, workshopShape } from "./of-workshop.ts";
import { keyOf, placeOf } from "./places.ts";
import type { MissingPlace, StandingRow, Standings } from "./standing.ts";

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
  /** Against the policy that `agents` is about alone, in its places. */
  readonly toReference: readonly StandingRow[];
  readonly missing: readonly MissingPlace[];
};

/** Runs outside of `fate bench`, by `npm run bench -- workshop`. */
const workshop = "workshop";

/** Whose result files are read. */
export const compared: readonly string[] = [...Object.keys(benchmarks), workshop];

/** The texts of one benchmark: of its result file, and of others with further seeds of it, or of a part of it. */
export type ResultTexts = {
  readonly benchmark: string;
  readonly files: readonly { readonly path: string; readonly text: string }[];
};

/** Beside the result file of a benchmark, where further seeds of it may be. */
export function freshName(benchmark: string): string {
  return `${benchmark}-fresh`;
}

/** Throws an `InputError` where a text is no result file. */
export function stand(policy: string, results: readonly ResultTexts[]): Standing {
  const all = results.map((result) => standIn(policy, result));
  return {
    policy,
    sources: all.flatMap(({ sources }) => sources),
    rows: all.flatMap(({ rows }) => rows),
    toReference: all.flatMap((read) => read.toReference ?? []),
    missing: all.flatMap(({ missing }) => missing),
  };
}

type Read = Standings & { readonly sources: readonly Source[]; readonly toReference?: readonly StandingRow[] };

function standIn(policy: string, result: ResultTexts): Read {
  const groups = benchmarks[result.benchmark]?.groups(undefined) ?? [];
  const read = readResult(policy, result);
  return { ...read, ...withWhatNeverRan(read, result.benchmark, groups) };
}

function readResult(policy: string, { benchmark, files }: ResultTexts): Read {
  if (benchmark === workshop) {
    const { sources, cells } = join(workshopShape, files);
    return { sources, ...standInWorkshop({ benchmark, cells }, policy) };
  }
  if (benchmarks[benchmark]?.report === "agents") {
    const { sources, cells } = join(agentsShape, files);
    const two = cells.filter((cell) => cell.policy === policy || cell.policy === reference);
    const { rows: toReference } = standInAgents({ benchmark, cells: two }, policy);
    return { sources, ...standInAgents({ benchmark, cells }, policy), toReference };
  }
  const { sources, cells } = join(benchShape, files);
  return { sources, ...standInLatencies({ benchmark, cells }, policy, files[0]?.path ?? "") };
}

type Joined<Cell> = { readonly sources: readonly Source[]; readonly cells: readonly Cell[] };

/** Where and with what a cell ran, whatever the benchmark. */
type CellPlace = {
  readonly driver?: string;
  readonly cluster?: string;
  readonly mode?: string;
  readonly workload?: string;
  readonly load?: number;
  readonly error?: number;
  readonly policy: string;
  readonly seed: number;
};

/** Cells of all of them, of which none may have one of another. */
function join<Cell extends CellPlace>(
  shape: Shape<Source & { readonly cells: readonly Cell[] }>,
  texts: ResultTexts["files"],
): Joined<Cell> {
  const seen = new Set<string>();
  const files = texts.map(({ path, text }) => {
    const file = parseAs(shape, parseJson(text, path), path);
    const again = file.cells.find((cell) => seen.has(placeOfCell(cell)));
    if (again !== undefined) {
      const found = `${again.policy} with seed ${again.seed}, which ${texts[0]?.path} has too`;
      throw new InputError(path, "cells", found, "further seeds of each place");
    }
    for (const cell of file.cells) seen.add(placeOfCell(cell));
    return file;
  });
  return {
    sources: files.map(({ benchmark, version, command, seeds }) => ({ benchmark, version, command, seeds })),
    cells: files.flatMap(({ cells }) => cells),
  };
}

function placeOfCell({ driver, cluster, mode, workload, load, error, policy, seed }: CellPlace): string {
  return JSON.stringify([driver, cluster, mode, workload, load, error, policy, seed]);
}

/** Places of a benchmark that its result file lacks, as part of it ran. */
function withWhatNeverRan({ rows, missing }: Standings, benchmark: string, groups: readonly Group[]): Standings {
  const known = new Set([...rows, ...missing].map(keyOf));
  const never = groups
    .map((group) => ({ ...placeOf(benchmark, group), others: 0 }))
    .filter((place) => !known.has(keyOf(place)));
  return { rows, missing: [...missing, ...never] };
}
