/** Drawings one below the other, each under its title. */

import type { Shape } from "./shape.ts";

export type Part = { readonly title: string; readonly shapes: readonly Shape[]; readonly height: number };

const titleHeight = 24;
const gap = 12;

/** In the order in which they are given. */
export function stack(parts: readonly Part[]): { readonly shapes: Shape[]; readonly height: number } {
  const shapes: Shape[] = [];
  let top = 0;
  for (const { title, shapes: own, height } of parts) {
    shapes.push({ kind: "label", x: 4, y: top + 16, text: title, ink: "ink", size: 13, strong: true });
    for (const shape of own) shapes.push(moved(shape, top + titleHeight));
    top += titleHeight + height + gap;
  }
  return { shapes, height: Math.max(0, top - gap) };
}

function moved(shape: Shape, down: number): Shape {
  if (shape.kind !== "path") return { ...shape, y: shape.y + down };
  return { ...shape, points: shape.points.map((value, index) => (index % 2 === 1 ? value + down : value)) };
}
