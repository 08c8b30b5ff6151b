/** Which places are worth further seeds: those where a policy may be behind the best other by more than is bearable. */

import { parseJson } from "../../../trace/parse-text.ts";
import { parseAs } from "../../../trace/shape.ts";
import type { Group } from "../benchmark.ts";
import { standingShape } from "../html/result-shapes.ts";
import { keyOf, placeOf } from "./places.ts";
import { bearable } from "./standing.ts";

/** Of a standing's file. Throws an `InputError` where a text is none. */
export function parseUndecided(text: string, path: string, benchmark: string): (group: Group) => boolean {
  const { cells } = parseAs(standingShape, parseJson(text, path), path);
  const open = new Set(cells.filter(({ ci95 }) => ci95 === null || ci95[1] > bearable).map(keyOf));
  return (group) => open.has(keyOf(placeOf(benchmark, group)));
}
