/** Open runs that their carrier has taken up, by their ids. */

import { textOf } from "./rows.ts";
import type { Dialect, Verb } from "./statement.ts";

export function* listTakenUp(_: Dialect, owner: string, limit: number): Verb<readonly string[]> {
  const rows = yield {
    text:
      "select id from fate_runs where status = 'running' and owner = $1 and generation > 0 " +
      "order by created_ms, id limit $2",
    values: [owner, limit],
  };
  return rows.map((row) => textOf(row, "id"));
}
