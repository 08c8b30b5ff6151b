/** Differences with their intervals, a row each, as bars from a line that says: no difference. */

import { dot, label, legend, rule, seriesInk, title as heading, whisker, type Drawing } from "../../view/draw/plot.ts";
import { linear, ticksBetween } from "../../view/draw/scale.ts";
import type { Shape } from "../../view/draw/shape.ts";
import type { Ci95 } from "./bench-file.ts";

export type IntervalRow = {
  readonly name: string;
  /** One for each series, in their order; absent where it did not run. */
  readonly values: readonly ({ readonly mean: number; readonly ci95: Ci95 } | undefined)[];
};

export type IntervalPlot = {
  readonly title: string;
  readonly axis: string;
  readonly series: readonly string[];
  readonly rows: readonly IntervalRow[];
  /** Where nothing differs. */
  readonly even: number;
};

const width = 460;
const lineHeight = 11;
const gap = { right: 24, bottom: 46 };

export function plotIntervals({ title, axis, series, rows, even }: IntervalPlot): Drawing {
  const left = 20 + 7 * Math.max(8, ...rows.map(({ name }) => name.length));
  const full = left + width + gap.right;
  const key = legend(series, { x: 12, y: 42, width: full - 12, dashed: false });
  const top = key.bottom + 16;
  const ends = rows.flatMap(({ values }) =>
    values.flatMap((value) => (value === undefined ? [] : [value.mean, ...(value.ci95 ?? [])])),
  );
  const least = Math.min(even, ...ends);
  const most = Math.max(even, ...ends);
  const margin = (most - least || 1) * 0.05;
  const x = linear([least - margin, most + margin], [left, left + width]);
  let bottom = top;
  const bands: Shape[] = [];
  const bars: Shape[] = [];
  for (const [index, row] of rows.entries()) {
    const height = heightOf(row);
    if (index % 2 === 1) bands.push({ kind: "box", x: 0, y: bottom, width: full, height, fill: "band" });
    bars.push(...drawRow(row, { top: bottom, left, even, x }));
    bottom += height;
  }
  const shapes: readonly Shape[] = [
    heading(12, 20, title),
    ...key.shapes,
    ...bands,
    ...ticksBetween(least - margin, most + margin, 6).flatMap((tick): readonly Shape[] => [
      rule([x(tick), top - 6, x(tick), bottom]),
      label(x(tick), bottom + 17, String(tick), "middle"),
    ]),
    ...bars,
    rule([x(even), top - 6, x(even), bottom], true),
    label(left + width / 2, bottom + 37, axis, "middle"),
  ];
  return { width: full, height: bottom + gap.bottom, title, shapes };
}

/** What did not run takes up no place. */
function heightOf({ values }: IntervalRow): number {
  return 12 + lineHeight * Math.max(1, values.filter((value) => value !== undefined).length);
}

type Row = {
  readonly top: number;
  readonly left: number;
  readonly even: number;
  readonly x: (value: number) => number;
};

function drawRow(row: IntervalRow, { top, left, even, x }: Row): readonly Shape[] {
  let y = top + 6 - lineHeight / 2;
  const marks = row.values.flatMap((value, index): readonly Shape[] => {
    if (value === undefined) return [];
    y += lineHeight;
    const { mean, ci95 } = value;
    const [start, end] = [Math.min(x(even), x(mean)), Math.max(x(even), x(mean))];
    const bar = { x: start, y: y - 3.5, width: end - start, height: 7, fill: seriesInk(index), opacity: 0.3 };
    return [
      { kind: "box", ...bar },
      ...(ci95 === null ? [] : [whisker([x(ci95[0]), y, x(ci95[1]), y], index)]),
      dot(x(mean), y, index),
    ];
  });
  return [label(left - 10, top + heightOf(row) / 2 + 4, row.name, "end"), ...marks];
}
