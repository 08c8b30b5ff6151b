/** Differences with their intervals, a row each, round a line that says: no difference. */

import type { Ci95 } from "./bench-file.ts";
import { colourOf, curve, dot, label, legend, linear, px, rule, ticksBetween, wrap } from "./svg.ts";

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

const width = 420;
const gap = { right: 24, top: 70, bottom: 44 };

export function plotIntervals({ title, axis, series, rows, even }: IntervalPlot): string {
  const left = 20 + 7 * Math.max(8, ...rows.map(({ name }) => name.length));
  const rowHeight = 14 + 11 * series.length;
  const bottom = gap.top + rows.length * rowHeight;
  const ends = rows.flatMap(({ values }) =>
    values.flatMap((value) => (value === undefined ? [] : (value.ci95 ?? [value.mean]))),
  );
  const least = Math.min(even, ...ends);
  const most = Math.max(even, ...ends);
  const margin = (most - least || 1) * 0.05;
  const x = linear([least - margin, most + margin], [left, left + width]);
  return wrap(left + width + gap.right, bottom + gap.bottom, [
    label(12, 18, title, "start", true),
    legend(series, 12, 40, left + width - 12),
    ...ticksBetween(least - margin, most + margin, 6).map(
      (tick) => rule(`M${px(x(tick))} ${gap.top - 6}V${bottom}`) + label(x(tick), bottom + 16, String(tick), "middle"),
    ),
    rule(`M${px(x(even))} ${gap.top - 6}V${bottom}`, 0.9),
    label(left + width / 2, bottom + 36, axis, "middle"),
    ...rows.map(({ name, values }, row) => {
      const top = gap.top + row * rowHeight;
      const marks = values.map((value, index) => {
        if (value === undefined) return "";
        const y = top + 8 + 11 * index;
        const { mean, ci95 } = value;
        const bar = ci95 === null ? "" : curve(`M${px(x(ci95[0]))} ${px(y)}H${px(x(ci95[1]))}`, colourOf(index));
        return bar + dot(x(mean), y, colourOf(index));
      });
      return [label(left - 10, top + rowHeight / 2, name, "end"), ...marks].join("\n");
    }),
  ]);
}
