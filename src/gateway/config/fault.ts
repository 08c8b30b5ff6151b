/** What is wrong with a configuration, and where. */

import type { Path } from "../../trace/path.ts";

export type Fault = { readonly path: Path; readonly found: string; readonly expected: string };

export function fault(path: Path, found: string, expected: string): Fault {
  return { path, found, expected };
}

/** Refuses what was there before. */
export function* repeated(entries: Iterable<readonly [value: string, path: Path]>, expected: string): Generator<Fault> {
  const seen = new Set<string>();
  for (const [value, path] of entries) {
    if (seen.has(value)) yield fault(path, `${JSON.stringify(value)} again`, expected);
    seen.add(value);
  }
}
