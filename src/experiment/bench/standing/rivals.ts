/** Whom a standing names: its policy and the best others of each place, so that they can meet again on seeds that had no say in who they are. */

import { parseJson } from "../../../trace/parse-text.ts";
import { array, openObject, parseAs, text } from "../../../trace/shape.ts";
import type { Group } from "../benchmark.ts";
import { keyOf, placeOf } from "./places.ts";

const name = text({ max: 200 });
const shape = openObject({
  policy: name,
  cells: array(openObject({ benchmark: name, cluster: name, mode: name, best: openObject({ policy: name }) }), {
    max: 1_000_000,
  }),
});

/** Throws an `InputError` where a text is no standing. */
export function parseRivals(json: string, path: string, benchmark: string): (group: Group) => readonly string[] {
  const { policy, cells } = parseAs(shape, parseJson(json, path), path);
  const byPlace = Map.groupBy(cells, keyOf);
  return (group) => [policy, ...(byPlace.get(keyOf(placeOf(benchmark, group))) ?? []).map(({ best }) => best.policy)];
}
