/** Reads the seals of a segment: of each block that is there, and the one that the segment keeps. */

import { numberOf, textOf } from "./rows.ts";
import { firstSeal } from "./seal.ts";
import type { Dialect, Verb } from "./statement.ts";

export type Seals = {
  /** What the first block's seal goes on from. */
  readonly first: string;
  readonly last: string;
  readonly blocks: readonly { readonly index: number; readonly seal: string }[];
};

export function* readSeals(_: Dialect, segment: number): Verb<Seals | undefined> {
  const [row] = yield {
    text: "select epoch, created_ms, seal from fate_segments where segment = $1",
    values: [segment],
  };
  if (row === undefined) return undefined;
  const blocks = yield {
    text: "select position, seal from fate_blocks where segment = $1 order by position",
    values: [segment],
  };
  return {
    first: firstSeal(numberOf(row, "epoch"), numberOf(row, "created_ms")),
    last: textOf(row, "seal"),
    blocks: blocks.map((block) => ({ index: numberOf(block, "position"), seal: textOf(block, "seal") })),
  };
}
