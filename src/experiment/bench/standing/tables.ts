/** Tables of a standing. */

import { showDifference, showDuration } from "../../format.ts";
import type { Table } from "../../table.ts";
import { showPaired } from "../show.ts";
import { bearable, type StandingPlace, type StandingRow, type Total } from "./standing.ts";

type Column = Table["columns"][number];
const left = (words: string): Column => ({ heading: words, align: "left" });
const right = (words: string): Column => ({ heading: words, align: "right" });

const limit = `${bearable * 100}%`;

export function totalsTable(totals: readonly Total[]): Table {
  return {
    columns: [
      left("benchmark"),
      left("measure"),
      ...[
        "others, at most",
        "cells",
        "wins",
        "ties",
        "losses",
        `losses beyond ${limit}`,
        `ties above +${limit}`,
        "average",
      ].map(right),
      left("worst"),
    ],
    rows: totals.map((total) => [
      total.benchmark,
      total.measure,
      ...[total.others, total.cells, total.wins, total.ties, total.losses, total.lossesBeyond, total.tiesBeyond].map(
        String,
      ),
      // Over measures of several kinds there is no average, nor a worst.
      ...(total.measure === "" || total.worst === undefined
        ? ["", ""]
        : [showDifference(total.average), `${showShort(total.worst)} ${nameOf(total.worst)}`]),
    ]),
  };
}

/** A row a place, and beside each other what concerns each measure. */
export function placesTable(rows: readonly StandingRow[], measures: readonly string[]): Table {
  const isTold = rows.some(({ told }) => told !== undefined);
  const clusters = new Set(rows.map(({ cluster }) => cluster));
  const places = Map.groupBy(rows, ({ cluster, mode }) => (clusters.size === 1 ? mode : `${cluster}, ${mode}`));
  return {
    columns: [
      left(clusters.size === 1 ? `on ${[...clusters].join("")}` : "cell"),
      ...measures.flatMap((measure) => [
        right(measure),
        left("best other"),
        right("difference"),
        left(""),
        ...(isTold ? [right("told")] : []),
      ]),
    ],
    rows: [...places].map(([place, own]) => [
      place,
      ...measures.flatMap((measure) => {
        const row = own.find((each) => each.measure === measure);
        const empty = isTold ? ["", "", "", "", ""] : ["", "", "", ""];
        if (row === undefined) return empty;
        return [
          showValue(row, row.own),
          `${row.best.policy} ${showValue(row, row.best.value)}`,
          showWhole(row),
          row.outcome,
          ...(isTold ? [row.told === undefined ? "" : showDifference(row.told)] : []),
        ];
      }),
    ]),
  };
}

/** A row a cluster, a column a mode. */
export function gridTable(rows: readonly StandingRow[]): Table {
  const clusters = [...new Set(rows.map(({ cluster }) => cluster))];
  const modes = [...new Set(rows.map(({ mode }) => mode))];
  return {
    columns: [left("cluster"), ...modes.map((mode) => right(mode.replace("-load-", " ")))],
    rows: clusters.map((cluster) => [
      cluster,
      ...modes.map((mode) => {
        const row = rows.find((each) => each.cluster === cluster && each.mode === mode);
        return row === undefined ? "" : `${{ win: "W", tie: "T", loss: "L" }[row.outcome]} ${showShort(row)}`;
      }),
    ]),
  };
}

/** Workshop has one cluster, of its name. */
export function nameOf({ benchmark, cluster, mode }: StandingPlace): string {
  return cluster === benchmark ? mode : `${cluster} ${mode}`;
}

/** Intervals of a bootstrap lie about their value unevenly, and may end on one side of 0 where half their width does not: both ends are shown. */
function showWhole({ difference, ci95 }: StandingRow): string {
  if (difference === null) return "never on time";
  if (ci95 === null || Math.abs((ci95[0] + ci95[1]) / 2 - difference) < 5e-4) return showPaired(difference, ci95);
  const [low, high] = ci95.map((end) => showDifference(end).replace("%", ""));
  return `${showDifference(difference)} (${low} to ${high})`;
}

export function showShort({ difference }: StandingRow): string {
  return difference === null ? "never" : showDifference(difference);
}

function showValue({ benchmark }: StandingPlace, value: number | null): string {
  if (value === null) return "never";
  return benchmark === "workshop" ? showDuration(value) : value.toFixed(3);
}
