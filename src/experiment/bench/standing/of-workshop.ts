/** How a policy stands in the benchmark `workshop`: by the mean and the P95 of the times of workflows, and by the time lost to loads. */

import { mean } from "../../../measure/statistics.ts";
import { array, integer, number, openObject, text, type Parsed } from "../../../trace/shape.ts";
import { toContrast } from "../agents/contrast.ts";
import { ratioOf } from "../statistics.ts";
import { isOther, judge, type Rated, type StandingRow, type Standings } from "./standing.ts";

const name = text({ max: 200 });
const us = number({ min: 0 });

/** What is needed of a result file. */
export const workshopShape = openObject({
  benchmark: name,
  version: name,
  command: text({ max: 10_000 }),
  seeds: array(integer(), { min: 1, max: 10_000 }),
  cells: array(
    openObject({ driver: name, mode: name, policy: name, seed: integer(), meanUs: us, p95Us: us, loadUs: us }),
    { max: 1_000_000 },
  ),
});

type WorkshopFile = Parsed<typeof workshopShape>;
type Cell = WorkshopFile["cells"][number];

/** Its only cluster is named after it. */
const cluster = "workshop";

export function standInWorkshop(
  { benchmark, cells }: Pick<WorkshopFile, "benchmark" | "cells">,
  subject: string,
): Standings {
  const places = Map.groupBy(cells, ({ driver, mode }) => `${driver}, ${mode}`);
  const all = [...places].map(([mode, own]) => standAt({ benchmark, cluster, mode }, own, subject));
  return { rows: all.flatMap(({ rows }) => rows), missing: all.flatMap(({ missing }) => missing) };
}

function standAt(
  at: Pick<StandingRow, "benchmark" | "cluster" | "mode">,
  cells: readonly Cell[],
  subject: string,
): Standings {
  const byPolicy = Map.groupBy(cells, ({ policy }) => policy);
  const own = byPolicy.get(subject) ?? [];
  const names = [...byPolicy.keys()].filter((policy) => isOther(policy, subject));
  if (own.length === 0) return { rows: [], missing: [{ ...at, others: names.length }] };
  const runsOf = (policy: string): readonly Cell[] =>
    own.flatMap(({ seed }) => byPolicy.get(policy)?.find((cell) => cell.seed === seed) ?? []);
  // Whoever lacks a seed of the subject's cannot be held against it.
  const others = names.map(runsOf).filter((runs) => runs.length === own.length);
  const rows = measures.flatMap(({ measure, valueOf }): readonly StandingRow[] => {
    const value = (runs: readonly Cell[]): number => Math.round(mean(runs.map(valueOf)));
    const toRated = (runs: readonly Cell[]): Rated => ({ policy: runs[0]?.policy ?? "", value: value(runs) });
    const [best] = others.toSorted((one, other) => value(one) - value(other));
    if (best === undefined) return [];
    const ratios = own.map((cell, index) => ratioOf(valueOf(cell), valueOf(best[index] ?? cell)) - 1);
    const { difference, ci95, verdict } = toContrast(ratios);
    return [
      {
        ...at,
        measure,
        seeds: own.length,
        own: value(own),
        best: toRated(best),
        others: others.map(toRated),
        ...judge(difference, ci95, verdict),
      },
    ];
  });
  return { rows, missing: [] };
}

const measures: readonly { readonly measure: string; readonly valueOf: (cell: Cell) => number }[] = [
  { measure: "mean", valueOf: ({ meanUs }) => meanUs },
  { measure: "P95", valueOf: ({ p95Us }) => p95Us },
  { measure: "lost to loads", valueOf: ({ loadUs }) => loadUs },
];
