/** Pieces of plots: rules, curves, dots, legends. A series is known by its colour and, where lines cross, by its dashes. */

import type { Picture } from "./to-svg.ts";
import type { Ink, Label, Path, Shape } from "./shape.ts";

/** A picture with all that is in it. */
export type Drawing = Picture & { readonly shapes: readonly Shape[] };

const series: readonly { readonly ink: Ink; readonly dash?: readonly number[] }[] = [
  { ink: "series1" },
  { ink: "series2", dash: [9, 3] },
  { ink: "series3", dash: [3, 2] },
  { ink: "series4" },
  { ink: "series5", dash: [9, 3, 2, 3] },
  { ink: "series6", dash: [5, 4] },
  { ink: "series7", dash: [2, 3] },
];
const size = 12;
/** Of a letter, and what stands before and after a name. */
const letterWidth = 7.2;
const besides = 44;

/** Colours come again after the seventh. */
export function seriesInk(index: number): Ink {
  return series[index % series.length]?.ink ?? "ink";
}

export function label(x: number, y: number, text: string, anchor: "start" | "middle" | "end" = "start"): Label {
  return { kind: "label", x, y, text, ink: "ink", size, anchor };
}

export function title(x: number, y: number, text: string): Label {
  return { kind: "label", x, y, text, ink: "ink", size: 13, strong: true };
}

/** A thin line of the grid; a strong one says where something begins or nothing differs. */
export function rule(points: readonly number[], strong = false): Path {
  return { kind: "path", points, stroke: strong ? "quiet" : "line" };
}

/** The first series is drawn strongest: it is the one that the plot is about. */
export function curve(points: readonly number[], index: number): Path {
  const { ink, dash } = series[index % series.length] ?? { ink: "ink" };
  return { kind: "path", points, stroke: ink, width: index === 0 ? 2.4 : 1.8, ...(dash === undefined ? {} : { dash }) };
}

export function whisker(points: readonly number[], index: number): Path {
  return { kind: "path", points, stroke: seriesInk(index), width: 1.8 };
}

export function dot(x: number, y: number, index: number): Shape {
  const radius = 3.2;
  const place = { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius, radius };
  return { kind: "box", ...place, fill: seriesInk(index) };
}

/** Names with their looks, side by side from `x` on, in rows that fit `width`; `bottom` is where the last one ends. */
export function legend(
  names: readonly string[],
  { x, y, width, dashed }: { readonly x: number; readonly y: number; readonly width: number; readonly dashed: boolean },
): { readonly shapes: readonly Shape[]; readonly bottom: number } {
  let [atX, atY] = [x, y];
  const shapes = names.flatMap((name, index): readonly Shape[] => {
    const own = besides + name.length * letterWidth;
    if (atX + own > x + width + besides / 2 && atX > x) [atX, atY] = [x, atY + 18];
    const points = [atX, atY - 4, atX + 22, atY - 4];
    const line = dashed ? curve(points, index) : { ...whisker(points, index), width: 4 };
    const text = label(atX + 27, atY, name);
    atX += own;
    return [line, text];
  });
  return { shapes, bottom: atY + 6 };
}

/** Right and down. */
export function move(shapes: readonly Shape[], right: number, down: number): readonly Shape[] {
  return shapes.map((shape) =>
    shape.kind === "path"
      ? { ...shape, points: shape.points.map((value, index) => value + (index % 2 === 0 ? right : down)) }
      : { ...shape, x: shape.x + right, y: shape.y + down },
  );
}
