/** Who is worth running on further seeds of a place: whoever came close to the best there in one measure at least. */

import type { Group } from "../benchmark.ts";
import { keyOf, placeOf } from "./places.ts";
import { stand } from "./stand.ts";
import { closeShare, usualSubject, type StandingRow } from "./standing.ts";

/** Throws an `InputError` where a text is no result file of that benchmark. */
export function parseRivals(text: string, path: string, benchmark: string): (group: Group) => readonly string[] {
  const { rows } = stand(usualSubject, [{ benchmark, files: [{ path, text }] }]);
  const byPlace = Map.groupBy(rows, keyOf);
  return (group) => [usualSubject, ...(byPlace.get(keyOf(placeOf(benchmark, group))) ?? []).flatMap(closeOnes)];
}

function closeOnes({ best, others }: StandingRow): readonly string[] {
  const limit = (best.value ?? Infinity) * (1 + closeShare);
  return others.filter(({ value }) => (value ?? Infinity) <= limit).map(({ policy }) => policy);
}
