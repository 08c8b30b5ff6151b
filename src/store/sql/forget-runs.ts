/** Forgets runs that are over, those that ended first before the others; what hangs on them goes along. */

import { numberOf } from "./rows.ts";
import type { Dialect, Verb } from "./statement.ts";

export function* forgetRuns(_: Dialect, keep: number, beforeMs: number, limit: number): Verb<number> {
  const [counts] = yield {
    text:
      "select count(*) as ended, count(case when ended_ms < $1 then 1 end) as old " +
      "from fate_runs where status <> 'running'",
    values: [beforeMs],
  };
  if (counts === undefined) return 0;
  // Both bounds cut the same order, so what goes is its beginning.
  const goes = Math.min(limit, Math.max(numberOf(counts, "ended") - keep, numberOf(counts, "old")));
  if (goes <= 0) return 0;
  const gone = yield {
    text:
      "delete from fate_runs where id in (" +
      "select id from fate_runs where status <> 'running' order by ended_ms, id limit $1) returning id",
    values: [goes],
  };
  return gone.length;
}
