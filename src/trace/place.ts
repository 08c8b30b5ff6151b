/** Where a value stands in a document, and the refusal of a value there. */

import { InputError } from "./input-error.ts";
import { showPath } from "./path.ts";

/** Where a value stands: a chain of steps up to the file, written out only when something is wrong. */
export type Place = {
  readonly file: string;
  /** What stands before the path, such as a line; only at the top. */
  readonly label: string;
  readonly up?: Place;
  readonly step?: string | number;
};

export function stepInto(place: Place, step: string | number): Place {
  return { file: place.file, label: "", up: place, step };
}

/** Refuses a value at its place. */
export function refuse(place: Place, found: string, expected: string): never {
  throw new InputError(place.file, showPlace(place), found, expected);
}

function showPlace(place: Place): string {
  const steps: (string | number)[] = [];
  let top = place;
  while (top.up !== undefined) {
    steps.push(top.step ?? "");
    top = top.up;
  }
  const path = showPath(steps.toReversed());
  return top.label !== "" && path !== "" ? `${top.label}: ${path}` : top.label + path;
}

/** A value in a message: itself if it is short by nature, its kind if it may be large or deep. */
export function showShort(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === "number" || typeof value === "boolean" || value === null ? `${value}` : "an object";
}
