/** A comparison as a table: the metric with its paired difference first, then what explains it. */

import type { Comparison, ComparisonRow } from "./compare.ts";
import { showBytes, showCount, showDifference, durationsUpTo, showShare } from "./format.ts";
import { renderBar, type Table } from "./table.ts";

/** A column is shown in one unit, by its largest value. */
type Show = (most: number) => (value: number) => string;

type MetricColumn = { readonly metric: string; readonly heading: string; readonly show: Show };

/** The metrics that a comparison shows, in this order. */
const shownMetrics: readonly MetricColumn[] = [
  { metric: "meanLatencyUs", heading: "mean latency", show: durationsUpTo },
  { metric: "p95LatencyUs", heading: "p95", show: durationsUpTo },
  { metric: "makespanUs", heading: "makespan", show: durationsUpTo },
  { metric: "overBound", heading: "over bound", show: () => showTimes },
  { metric: "loads", heading: "loads", show: () => (value) => showCount(Math.round(value)) },
  { metric: "transferBytes", heading: "moved", show: () => showBytes },
  { metric: "cachedShare", heading: "cached", show: () => showShare },
  { metric: "utilisation", heading: "busy", show: () => showShare },
];

/** Shown only where it is not 0 for all: latencies are those of workflows that ended. */
const abandoned: MetricColumn = { metric: "abandoned", heading: "abandoned", show: () => (value) => showCount(value) };

/** What a comparison can be about: all of them less is better. */
export const comparableMetrics = [
  "meanLatencyUs",
  "p50LatencyUs",
  "p95LatencyUs",
  "p99LatencyUs",
  "makespanUs",
  "meanRatio",
  "p95Ratio",
  "p99Ratio",
] as const;

const barWidth = 14;

/** Best first; equal ones in the order of the cells. */
export function rankRows({ rows, metric }: Comparison): readonly ComparisonRow[] {
  return rows.toSorted((left, right) => (left.means[metric] ?? 0) - (right.means[metric] ?? 0));
}

/** In the order of `rankRows`. Bars are drawn where there is room for them. */
export function toTable(comparison: Comparison, options: { readonly bars: boolean }): Table {
  const { metric, baseline } = comparison;
  const value = (row: ComparisonRow): number => row.means[metric] ?? 0;
  const rows = rankRows(comparison);
  const most = Math.max(...rows.map(value));
  const cellsOf = (column: MetricColumn): readonly string[] => {
    const values = rows.map((row) => row.means[column.metric] ?? 0);
    return values.map(column.show(Math.max(...values)));
  };
  const shown = shownMetrics.find((column) => column.metric === metric);
  const gaveUp = rows.some((row) => (row.means["abandoned"] ?? 0) > 0);
  const rest = [...(gaveUp ? [abandoned] : []), ...shownMetrics].filter((column) => column.metric !== metric);
  const lead: MetricColumn = shown ?? {
    metric,
    heading: metric,
    show: metric.endsWith("Us") ? durationsUpTo : () => showTimes,
  };
  const leadCells = cellsOf(lead);
  const restCells = rest.map(cellsOf);
  return {
    columns: [
      { heading: "policy", align: "left" },
      { heading: lead.heading, align: "right" },
      ...(options.bars ? [{ heading: "", align: "left" } as const] : []),
      { heading: `against ${baseline}`, align: "left" },
      ...rest.map(({ heading }) => ({ heading, align: "right" }) as const),
    ],
    rows: rows.map((row, index) => [
      row.policy,
      leadCells[index] ?? "",
      ...(options.bars ? [renderBar(value(row) / most, barWidth)] : []),
      showVersus(row),
      ...restCells.map((cells) => cells[index] ?? ""),
    ]),
  };
}

function showTimes(value: number): string {
  return `${value.toFixed(2)} x`;
}

function showVersus({ difference, verdict }: ComparisonRow): string {
  const half = ((difference.high - difference.low) * 50).toFixed(1);
  switch (verdict) {
    case "baseline":
      return "-";
    case "open":
      return showDifference(difference.mean);
    case "tie":
      return `${showDifference(difference.mean)} ± ${half}  tie`;
    case "less":
    case "more":
      return `${showDifference(difference.mean)} ± ${half}`;
    default:
      return verdict satisfies never;
  }
}
