/** The tables of one group: results, what explains them, and differences. */

import { showBytes, showCount, showDuration, showShare } from "../format.ts";
import type { Table } from "../table.ts";
import type { BenchFile, PairedRow, SummaryRow } from "./bench-file.ts";
import type { DecisionTimes } from "./decision-times.ts";
import { isAt, type Place } from "./places.ts";
import { pickSubject } from "./policy-lists.ts";
import { showPaired, showWithInterval } from "./show.ts";
import { toldLast } from "./told.ts";

/** Best first, and then what was told the lengths. */
export function rowsAt(file: BenchFile, place: Place): readonly SummaryRow[] {
  return toldLast(file.summary.filter(isAt(place)).toSorted((left, right) => left.mean - right.mean));
}

/** The subject against the others, the strongest of these first. */
export function pairsAt(file: BenchFile, place: Place): readonly PairedRow[] {
  const here = isAt(place);
  const subject = pickSubject(file.summary.filter(here).map(({ policy }) => policy));
  return file.paired
    .filter((row) => here(row) && row.policy === subject)
    .toSorted((left, right) => right.mean - left.mean);
}

export function mainTable(rows: readonly SummaryRow[], times: readonly DecisionTimes[]): Table {
  const rivals = [...new Set(rows.flatMap(({ winRates }) => Object.keys(winRates)))];
  const gaveUp = rows.some(({ abandoned }) => abandoned > 0);
  return {
    columns: [
      { heading: "policy", align: "left" },
      { heading: "mean ratio", align: "right" },
      { heading: "pooled P95", align: "right" },
      { heading: "P95 of ratios", align: "right" },
      ...rivals.map((rival) => ({ heading: `wins over ${rival}`, align: "right" }) as const),
      { heading: "over bound", align: "right" },
      ...(times.length === 0 ? [] : [{ heading: "ms a plan", align: "right" } as const]),
      ...(gaveUp ? [{ heading: "abandoned", align: "right" } as const] : []),
    ],
    rows: rows.map((row) => [
      row.policy,
      showWithInterval(row.mean, row.ci95),
      showWithInterval(row.pooledP95, row.pooledP95Ci95),
      row.p95Ratio.toFixed(3),
      ...rivals.map((rival) => (row.winRates[rival] === undefined ? "" : showShare(row.winRates[rival]))),
      `${(row.metrics["meanOverBound"] ?? 0).toFixed(2)} x`,
      ...(times.length === 0 ? [] : [(times.find(({ policy }) => policy === row.policy)?.meanMs ?? 0).toFixed(2)]),
      ...(gaveUp ? [String(row.abandoned)] : []),
    ]),
  };
}

export function mechanismTable(rows: readonly SummaryRow[]): Table {
  const columns: readonly (readonly [string, (value: (name: string) => number) => string])[] = [
    ["mean latency", (value) => showDuration(value("meanLatencyUs"))],
    ["loads", (value) => value("loads").toFixed(0)],
    ["loaded", (value) => showBytes(value("loadBytes"))],
    ["moved", (value) => showBytes(value("transferBytes"))],
    ["computed again", (value) => `${showCount(value("recomputedTokens"))} tokens`],
    ["cached", (value) => showShare(value("cachedShare"))],
    ["not computed", (value) => `${showCount(value("cachedTokens"))} tokens`],
    ["busy", (value) => showShare(value("utilisation"))],
  ];
  return {
    columns: [
      { heading: "policy", align: "left" },
      ...columns.map(([heading]) => ({ heading, align: "right" }) as const),
    ],
    rows: rows.map(({ policy, metrics }) => [policy, ...columns.map(([, show]) => show((name) => metrics[name] ?? 0))]),
  };
}

export function pairedTable(rows: readonly PairedRow[]): Table {
  return {
    columns: [
      { heading: "against", align: "left" },
      { heading: "mean ratio", align: "right" },
      { heading: "", align: "left" },
      { heading: "pooled P95", align: "right" },
      { heading: "", align: "left" },
      { heading: "wins", align: "right" },
    ],
    rows: rows.map((row) => [
      row.rival,
      showPaired(row.mean, row.ci95),
      row.verdict,
      showPaired(row.pooledP95, row.pooledP95Ci95),
      row.pooledP95Verdict,
      showShare(row.winRate),
    ]),
  };
}
