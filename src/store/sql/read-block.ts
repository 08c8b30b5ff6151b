/** Reads a block of the journal. */

import { textOf } from "./rows.ts";
import type { Dialect, Verb } from "./statement.ts";

export function* readBlock(_: Dialect, segment: number, index: number): Verb<string | undefined> {
  const [row] = yield {
    text: "select lines from fate_blocks where segment = $1 and position = $2",
    values: [segment, index],
  };
  return row === undefined ? undefined : textOf(row, "lines");
}
