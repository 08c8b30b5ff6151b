/** Drops whole segments of the journal, oldest first, until the rest fits. */

import { numberOf } from "./rows.ts";
import type { Dialect, Verb } from "./statement.ts";

export function* pruneJournal(_: Dialect, keepBytes: number): Verb<number> {
  const rows = yield { text: "select segment, bytes from fate_segments order by segment", values: [] };
  let bytes = rows.reduce((sum, row) => sum + numberOf(row, "bytes"), 0);
  let dropped = 0;
  for (const row of rows.slice(0, -1)) {
    if (bytes <= keepBytes) break;
    yield { text: "delete from fate_segments where segment = $1", values: [numberOf(row, "segment")] };
    bytes -= numberOf(row, "bytes");
    dropped++;
  }
  return dropped;
}
