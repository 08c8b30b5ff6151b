/** How a policy stands in the benchmark `agents`: by the SLO scales at which 95% and 99% of workflows are on time. */

import { mean } from "../../../measure/statistics.ts";
import { round } from "../bench-file.ts";
import { differences, pickStrongest, toContrast, type Runs } from "../agents/contrast.ts";
import type { AgentsCell } from "../agents/file.ts";
import { modeOf } from "../agents/groups.ts";
import { measureNames } from "../agents/tables.ts";
import { withError } from "./places.ts";
import { isOther, judge, type Rated, type StandingRow, type Standings } from "./standing.ts";

/** What is needed of a result file. */
export type ScalesFile = {
  readonly benchmark: string;
  readonly cells: readonly Pick<
    AgentsCell,
    "cluster" | "workload" | "load" | "error" | "policy" | "seed" | "req95" | "req99" | "mean"
  >[];
};

type Cell = ScalesFile["cells"][number];

export function standInAgents({ benchmark, cells }: ScalesFile, subject: string): Standings {
  const places = Map.groupBy(cells, ({ cluster, workload, load, error }) =>
    JSON.stringify([cluster, workload, load, error]),
  );
  const all = [...places.values()].map((own) => standAt(benchmark, own, subject));
  return { rows: all.flatMap(({ rows }) => rows), missing: all.flatMap(({ missing }) => missing) };
}

function standAt(benchmark: string, cells: readonly Cell[], subject: string): Standings {
  const [first] = cells;
  if (first === undefined) return { rows: [], missing: [] };
  const byPolicy = Map.groupBy(cells, ({ policy }) => policy);
  const names = [...byPolicy.keys()].filter((name) => isOther(name, subject));
  const { cluster, workload, load, error } = first;
  const at = { benchmark: withError(benchmark, error), cluster, mode: modeOf({ workload, load, error: 0 }) };
  const seeds = byPolicy.get(subject)?.map(({ seed }) => seed) ?? [];
  if (seeds.length === 0) return { rows: [], missing: [{ ...at, others: names.length }] };
  const runsOf = (policy: string): readonly Runs[] => {
    const own = seeds.map((seed) => byPolicy.get(policy)?.find((cell) => cell.seed === seed));
    // Whoever lacks a seed of the subject's cannot be held against it.
    if (own.includes(undefined)) return [];
    const valuesOf = (measure: "req95" | "req99" | "mean"): readonly number[] =>
      own.map((cell) => cell?.[measure] ?? Infinity);
    return [{ policy, values: { req95: valuesOf("req95"), req99: valuesOf("req99"), mean: valuesOf("mean") } }];
  };
  const [own] = runsOf(subject);
  const others = names.flatMap(runsOf);
  const rows = (["req95", "req99"] as const).flatMap((measure): readonly StandingRow[] => {
    const best = pickStrongest(others, measure);
    if (own === undefined || best === undefined) return [];
    const { difference, ci95, verdict } = toContrast(differences(own.values[measure], best.values[measure]));
    const toRated = ({ policy, values }: Runs): Rated => ({ policy, value: meanOf(values[measure]) });
    return [
      {
        ...at,
        measure: measureNames[measure],
        seeds: seeds.length,
        own: meanOf(own.values[measure]),
        best: toRated(best),
        others: others.map(toRated),
        ...judge(difference, ci95, verdict),
      },
    ];
  });
  return { rows, missing: [] };
}

function meanOf(values: readonly number[]): number | null {
  const value = mean(values);
  return Number.isFinite(value) ? round(value) : null;
}
