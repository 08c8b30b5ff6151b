/** Small plots of one kind side by side, under one title and one legend. */

import { label, legend, move, title as heading, type Drawing } from "../../view/draw/plot.ts";
import type { Shape } from "../../view/draw/shape.ts";

/** Pixels between which values lie; `y` begins at the bottom. */
export type Area = { readonly x: readonly [number, number]; readonly y: readonly [number, number] };

type Frame = {
  readonly title: string;
  readonly names: readonly string[];
  /** What the axis below each panel shows. */
  readonly across: string;
};

const size = { width: 300, height: 210 };
const gap = { left: 44, right: 16, top: 28, bottom: 46 };
const columns = 3;

export function inPanels<P extends { readonly title: string }>(
  { title, names, across }: Frame,
  panels: readonly P[],
  draw: (panel: P, area: Area) => readonly Shape[],
): Drawing {
  const cell = { width: gap.left + size.width + gap.right, height: gap.top + size.height + gap.bottom };
  const width = Math.max(1, Math.min(columns, panels.length)) * cell.width;
  const key = legend(names, { x: gap.left, y: 42, width: width - gap.left, dashed: true });
  const top = key.bottom + 8;
  const area: Area = { x: [gap.left, gap.left + size.width], y: [gap.top + size.height, gap.top] };
  const shapes = panels.flatMap((panel, index) => {
    const parts = [
      ...draw(panel, area),
      label(gap.left, gap.top - 10, panel.title),
      label(gap.left + size.width / 2, area.y[0] + 35, across, "middle"),
    ];
    return move(parts, (index % columns) * cell.width, top + Math.floor(index / columns) * cell.height);
  });
  return {
    width,
    height: top + Math.ceil(panels.length / columns) * cell.height,
    title,
    shapes: [heading(gap.left, 20, title), ...key.shapes, ...shapes],
  };
}
