/** A drawing as a file for documents: by day as it stands, by night by a rule for each colour, and so legible on its own ground. */

import { dayPalette, nightPalette } from "./palette.ts";
import type { Drawing } from "./plot.ts";
import type { Ink } from "./shape.ts";
import { toSvg } from "./to-svg.ts";

export function toFigure({ shapes, ...picture }: Drawing): string {
  const inks = new Set<Ink>(["ground"]);
  for (const shape of shapes) {
    if (shape.kind === "label") inks.add(shape.ink);
    else if (shape.stroke !== undefined) inks.add(shape.stroke);
    if (shape.kind === "box" && shape.fill !== undefined) inks.add(shape.fill);
  }
  const rules = [...inks].map((ink) => {
    const [day, night] = [dayPalette[ink], nightPalette[ink]];
    return `[fill="${day}"]{fill:${night}}[stroke="${day}"]{stroke:${night}}`;
  });
  return toSvg(shapes, { ...picture, style: `@media (prefers-color-scheme:dark){${rules.join("")}}` }, dayPalette);
}
