/** Begins a segment of the journal, unless the planner of a later epoch has. */

import { numberOf } from "./rows.ts";
import { firstSeal } from "./seal.ts";
import type { Dialect, Verb } from "./statement.ts";

/** What others are writing is waited for, so that nothing of an earlier epoch comes behind the segment of a later one. */
export function* beginSegment({ lockTable }: Dialect, epoch: number, createdMs: number): Verb<number | undefined> {
  const lock = lockTable("fate_segments");
  if (lock !== undefined) yield { text: lock, values: [] };
  const [begun] = yield {
    text:
      "insert into fate_segments (epoch, created_ms, blocks, bytes, seal) " +
      "select cast($1 as bigint), cast($2 as bigint), 0, 0, cast($3 as text) " +
      "where not exists (select 1 from fate_segments where epoch > $1) returning segment",
    values: [epoch, createdMs, firstSeal(epoch, createdMs)],
  };
  return begun === undefined ? undefined : numberOf(begun, "segment");
}
