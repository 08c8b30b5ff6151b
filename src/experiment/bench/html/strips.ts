/** Values with their intervals as small drawings beside a table's rows, on one scale, about a line that says: no difference. */

import { dot, rule, whisker } from "../../../view/draw/plot.ts";
import { pagePalette } from "../../../view/draw/palette.ts";
import { linear } from "../../../view/draw/scale.ts";
import { toSvg } from "../../../view/draw/to-svg.ts";
import type { Strips } from "../report-parts.ts";

const width = 150;
const height = 16;
const edge = 5;

/** One for each row; nothing where a row has no value. */
export function drawStrips({ even, values }: Strips): readonly string[] {
  const ends = values.flatMap((value) => (value === undefined ? [] : [value.mean, ...(value.ci95 ?? [])]));
  const x = linear([Math.min(even, ...ends), Math.max(even, ...ends)], [edge, width - edge]);
  const middle = height / 2;
  return values.map((value) => {
    if (value === undefined) return "";
    const { mean, ci95 } = value;
    const shapes = [
      rule([x(even), 0, x(even), height], true),
      ...(ci95 === null ? [] : [whisker([x(ci95[0]), middle, x(ci95[1]), middle], 0)]),
      dot(x(mean), middle, 0),
    ];
    const title = ci95 === null ? `${mean}` : `${mean}, from ${ci95[0]} to ${ci95[1]}`;
    return toSvg(shapes, { width, height, title }, { ...pagePalette, ground: "none" }).trimEnd();
  });
}
