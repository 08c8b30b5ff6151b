/** What a report shows first, over all groups: one layout for each kind of benchmark. */

import { mean } from "../../measure/statistics.ts";
import { showDuration, showShare } from "../format.ts";
import type { Table } from "../table.ts";
import type { BenchFile, Ci95, PairedRow, SummaryRow } from "./bench-file.ts";
import { isAt, toPlaces, type Place } from "./places.ts";
import { plotEcdf } from "./plot-ecdf.ts";
import { plotIntervals } from "./plot-intervals.ts";
import { plotLines } from "./plot-lines.ts";
import { baseline, drawn, drawnOverShares, isAblation, pickSubject } from "./policy-lists.ts";
import { heading, plot, table, text, type Part } from "./report-parts.ts";
import { showPaired, showWithInterval } from "./show.ts";
import { isTold } from "./told.ts";

export function overByMode(file: BenchFile): readonly Part[] {
  const clusters = [...new Set(file.summary.map(({ cluster }) => cluster))];
  return clusters.flatMap((cluster): readonly Part[] => {
    const rows = file.summary.filter((row) => row.cluster === cluster);
    const panels = toPlaces(file)
      .filter((place) => place.cluster === cluster)
      .map((place) => ({ title: place.mode, ratios: ratiosAt(file, place) }));
    const title = `${file.benchmark} on ${cluster}, simulated`;
    return [
      heading(`${cluster}: mean ratio by mode`),
      table(tableByMode(rows)),
      plot(`${file.benchmark}-${cluster}.svg`, "Share of workflows by ratio", plotEcdf(title, panels)),
    ];
  });
}

/** Of drawn policies, or of whatever ran where none of them did. */
function ratiosAt(file: BenchFile, place: Place): ReadonlyMap<string, readonly number[]> {
  const cells = file.cells.filter(isAt(place));
  const ran = [...new Set(cells.map(({ policy }) => policy))].filter(
    (policy) => policy !== baseline && !isTold(policy),
  );
  const shown = drawn.filter((policy) => ran.includes(policy));
  return new Map(
    (shown.length > 0 ? shown : ran.slice(0, 6)).map((policy) => [
      policy,
      cells.filter((cell) => cell.policy === policy).flatMap((cell) => cell.ratios.filter((ratio) => ratio !== null)),
    ]),
  );
}

export function overByShare(file: BenchFile): readonly Part[] {
  const modes = [...new Set(file.summary.map(({ mode }) => mode))];
  const names = [...new Set(file.summary.map(({ policy }) => policy))];
  const shown = drawnOverShares.filter((name) => names.includes(name));
  // In the order of the policies where none of those that are drawn ran.
  const lines = names
    .filter((name) => (shown.length === 0 ? !isTold(name) : shown.includes(name)))
    .toSorted((one, other) => shown.indexOf(one) - shown.indexOf(other))
    .map((name) => ({
      name,
      points: modes.flatMap((mode) => file.summary.filter((row) => row.mode === mode && row.policy === name)),
    }));
  const drawing = plotLines(
    `${file.benchmark}: mean ratio to ${baseline}, simulated`,
    "part of each prompt that is shared",
    modes.map((mode) => mode.replace("share-", "")),
    lines,
  );
  return [
    heading("Mean ratio by shared share"),
    table(tableByMode(file.summary)),
    plot(`${file.benchmark}.svg`, "Mean ratio by shared share", drawing),
    heading("Mean latency"),
    table(tableByMode(file.summary, ({ metrics }) => showDuration(metrics["meanLatencyUs"] ?? 0))),
    heading("Tokens not computed again: cached share of prompts"),
    table(tableByMode(file.summary, ({ metrics }) => showShare(metrics["cachedShare"] ?? 0))),
  ];
}

export function overAblations(file: BenchFile): readonly Part[] {
  const subject = pickSubject(file.summary.map(({ policy }) => policy));
  const modes = [...new Set(file.summary.map(({ mode }) => mode))];
  const others = [...new Set(file.summary.map(({ policy }) => policy))].filter(
    (policy) => policy !== subject && policy !== baseline && !isTold(policy),
  );
  const find = (policy: string, mode: string): PairedRow | undefined =>
    file.paired.find((row) => row.policy === policy && row.rival === subject && row.mode === mode);
  const content: Table = {
    columns: [
      { heading: "policy", align: "left" },
      ...modes.flatMap((mode) => [
        { heading: `${mode}: mean`, align: "right" } as const,
        { heading: `${mode}: pooled P95`, align: "right" } as const,
      ]),
    ],
    rows: others.map((policy) => [
      policy,
      ...modes.flatMap((mode) => {
        const row = find(policy, mode);
        return row === undefined
          ? ["", ""]
          : [showPaired(row.mean, row.ci95), showPaired(row.pooledP95, row.pooledP95Ci95)];
      }),
    ]),
  };
  const rows = others.map((policy) => ({
    name: policy,
    values: modes.map((mode) => {
      const row = find(policy, mode);
      if (row === undefined) return undefined;
      const ci95: Ci95 = row.ci95 === null ? null : [row.ci95[0] * 100, row.ci95[1] * 100];
      return { mean: row.mean * 100, ci95 };
    }),
  }));
  const what = others.some(isAblation) ? `without a part of ${subject}` : `against ${subject}`;
  const axis = `mean ratio, % more than ${subject}`;
  const title = `${file.benchmark}, simulated`;
  return [
    heading(["Difference to ", { code: subject }]),
    text(`More than 0 means that latencies grow ${what}; ± is a 95% interval.`),
    table(content),
    plot(`${file.benchmark}.svg`, "Differences", plotIntervals({ title, axis, series: modes, rows, even: 0 })),
  ];
}

export function overSettings(file: BenchFile): readonly Part[] {
  const subject = pickSubject(file.summary.map(({ policy }) => policy));
  const rivals = [...new Set(file.summary.map(({ policy }) => policy))].filter(
    (policy) => policy !== subject && !isTold(policy),
  );
  const places = toPlaces(file);
  const find = (place: Place, rival: string): PairedRow | undefined =>
    file.paired.find((row) => isAt(place)(row) && row.policy === subject && row.rival === rival);
  const content: Table = {
    columns: [
      { heading: "setting", align: "left" },
      ...rivals.map((rival) => ({ heading: `over ${rival}`, align: "right" }) as const),
    ],
    rows: places.map((place) => [
      place.mode,
      ...rivals.map((rival) => {
        const row = find(place, rival);
        return row === undefined ? "" : showWithInterval(row.ratio, row.ratioCi95);
      }),
    ]),
  };
  const shown = rivals.filter((rival) => rival !== baseline);
  const rows = places.map((place) => ({
    name: place.mode,
    values: shown.map((rival) => {
      const row = find(place, rival);
      return row === undefined ? undefined : { mean: row.ratio, ci95: row.ratioCi95 };
    }),
  }));
  const title = `latency under ${subject} over that under others, simulated`;
  const drawing = plotIntervals({ title, axis: "mean ratio", series: shown, rows, even: 1 });
  return [
    heading(["Latency under ", { code: subject }, " over that under others, by setting"]),
    text(["Mean over workflows, ± a 95% interval over seeds; below 1, ", { code: subject }, " is faster."]),
    table(content),
    plot(`${file.benchmark}.svg`, "By setting", drawing),
  ];
}

/** A row a policy, best on average first and what was told the lengths last, a column a mode. */
export function tableByMode(
  summary: readonly SummaryRow[],
  show = (row: SummaryRow) => showWithInterval(row.mean, row.ci95),
): Table {
  const modes = [...new Set(summary.map(({ mode }) => mode))];
  const byPolicy = [...Map.groupBy(summary, ({ policy }) => policy)];
  byPolicy.sort(
    ([one, left], [other, right]) => Number(isTold(one)) - Number(isTold(other)) || averageOf(left) - averageOf(right),
  );
  return {
    columns: [
      { heading: "policy", align: "left" },
      ...modes.map((mode) => ({ heading: mode, align: "right" }) as const),
    ],
    rows: byPolicy.map(([policy, rows]) => [
      policy,
      ...modes.map((mode) => {
        const row = rows.find((own) => own.mode === mode);
        return row === undefined ? "" : show(row);
      }),
    ]),
  };
}

function averageOf(rows: readonly SummaryRow[]): number {
  return mean(rows.map((row) => row.mean));
}
