/** Lists the segments of the journal. */

import type { SegmentRow } from "../store.ts";
import { toSegment } from "./rows.ts";
import type { Verb } from "./statement.ts";

export function* listSegments(): Verb<readonly SegmentRow[]> {
  const rows = yield {
    text: "select segment, epoch, created_ms, blocks, bytes from fate_segments order by segment",
    values: [],
  };
  return rows.map(toSegment);
}
