/** A value of each policy over an axis of settings, with its interval. */

import { curve, dot, label, legend, rule, title as heading, whisker, type Drawing } from "../../view/draw/plot.ts";
import { linear, ticksBetween } from "../../view/draw/scale.ts";
import type { Shape } from "../../view/draw/shape.ts";
import type { Ci95 } from "./bench-file.ts";

export type Line = {
  readonly name: string;
  readonly points: readonly { readonly mean: number; readonly ci95: Ci95 }[];
};

const size = { width: 600, height: 330 };
const gap = { left: 56, right: 20, bottom: 50 };

export function plotLines(title: string, axis: string, settings: readonly string[], lines: readonly Line[]): Drawing {
  const names = lines.map(({ name }) => name);
  const key = legend(names, { x: gap.left, y: 42, width: size.width, dashed: true });
  const top = key.bottom + 14;
  const ends = lines.flatMap(({ points }) => points.flatMap(({ mean, ci95 }) => ci95 ?? [mean]));
  const most = Math.max(1, ...ends) * 1.02;
  const x = linear([-0.3, settings.length - 0.7], [gap.left, gap.left + size.width]);
  const y = linear([0, most], [top + size.height, top]);
  const shapes: readonly Shape[] = [
    heading(gap.left, 20, title),
    ...key.shapes,
    ...ticksBetween(0, most, 8).flatMap((tick): readonly Shape[] => [
      rule([gap.left, y(tick), gap.left + size.width, y(tick)]),
      label(gap.left - 6, y(tick) + 4, String(tick), "end"),
    ]),
    ...settings.map((setting, index) => label(x(index), y(0) + 18, setting, "middle")),
    label(gap.left + size.width / 2, y(0) + 39, axis, "middle"),
    ...lines.flatMap(({ points }, index): readonly Shape[] => {
      // Side by side, so that intervals do not hide each other.
      const at = (setting: number): number => x(setting) + (index - (lines.length - 1) / 2) * 3;
      return [
        curve(
          points.flatMap(({ mean }, setting) => [at(setting), y(mean)]),
          index,
        ),
        ...points.flatMap(({ ci95 }, setting) =>
          ci95 === null ? [] : [whisker([at(setting), y(ci95[0]), at(setting), y(ci95[1])], index)],
        ),
        ...points.map(({ mean }, setting) => dot(at(setting), y(mean), index)),
      ];
    }),
  ];
  return { width: gap.left + size.width + gap.right, height: top + size.height + gap.bottom, title, shapes };
}
