/** Gives open runs that nobody carries out another owner. */

import { ownerPrefix } from "../lease-names.ts";
import type { RunRow, StoredRun } from "../store.ts";
import { runColumns, toRun, withStages } from "./rows.ts";
import type { Dialect, Verb } from "./statement.ts";

export function* takeUpRuns(dialect: Dialect, owner: string, limit: number): Verb<readonly StoredRun[]> {
  const { nowMs, claimFree } = dialect;
  const rows = yield {
    text:
      "with orphans as materialized (" +
      // Who is there is asked once, not for each run.
      "select id from fate_runs where status = 'running' and " +
      `'${ownerPrefix}' || owner not in (select name from fate_leases where expires_ms > ${nowMs}) ` +
      `order by created_ms, id limit $2${claimFree}) ` +
      "update fate_runs set owner = $1, generation = generation + 1 " +
      `where id in (select id from orphans) returning ${runColumns}`,
    values: [owner, limit],
  };
  // What an update returns has no order.
  const taken = rows.map(toRun).sort(compareAge);
  return yield* withStages(taken, dialect);
}

function compareAge(left: RunRow, right: RunRow): number {
  return left.createdMs - right.createdMs || (left.id < right.id ? -1 : 1);
}
