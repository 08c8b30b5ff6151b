/** A value of each policy over an axis of settings, with its interval. */

import type { Ci95 } from "./bench-file.ts";
import { colourOf, curve, dot, label, legend, linear, px, rule, ticksBetween, wrap } from "./svg.ts";

export type Line = {
  readonly name: string;
  readonly points: readonly { readonly mean: number; readonly ci95: Ci95 }[];
};

const size = { width: 560, height: 320 };
const gap = { left: 56, right: 20, top: 84, bottom: 48 };

export function plotLines(title: string, axis: string, settings: readonly string[], lines: readonly Line[]): string {
  const ends = lines.flatMap(({ points }) => points.flatMap(({ mean, ci95 }) => ci95 ?? [mean]));
  const most = Math.max(1, ...ends) * 1.02;
  const x = linear([-0.3, settings.length - 0.7], [gap.left, gap.left + size.width]);
  const y = linear([0, most], [gap.top + size.height, gap.top]);
  return wrap(gap.left + size.width + gap.right, gap.top + size.height + gap.bottom, [
    label(gap.left, 18, title, "start", true),
    legend(
      lines.map(({ name }) => name),
      gap.left,
      40,
      size.width,
    ),
    ...ticksBetween(0, most, 8).map(
      (tick) =>
        rule(`M${gap.left} ${px(y(tick))}h${size.width}`) + label(gap.left - 6, y(tick) + 4, String(tick), "end"),
    ),
    ...settings.map((setting, index) => label(x(index), y(0) + 18, setting, "middle")),
    label(gap.left + size.width / 2, y(0) + 38, axis, "middle"),
    ...lines.map(({ points }, index) => {
      const colour = colourOf(index);
      // Side by side, so that intervals do not hide each other.
      const at = (setting: number): number => x(setting) + (index - (lines.length - 1) / 2) * 3;
      const path = points.map(({ mean }, setting) => `${setting === 0 ? "M" : "L"}${px(at(setting))} ${px(y(mean))}`);
      const bars = points.map(({ ci95 }, setting) =>
        ci95 === null ? "" : `M${px(at(setting))} ${px(y(ci95[0]))}V${px(y(ci95[1]))}`,
      );
      const dots = points.map(({ mean }, setting) => dot(at(setting), y(mean), colour));
      return [curve(path.join(""), colour), curve(bars.join(""), colour), ...dots].join("\n");
    }),
  ]);
}
