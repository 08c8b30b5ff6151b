/** Lists a tenant's runs, newest first. */

import type { StoredRun } from "../store.ts";
import { runColumns, toRun, withStages } from "./rows.ts";
import type { Dialect, Statement, Verb } from "./statement.ts";

export function* listRuns(dialect: Dialect, tenant: string, limit: number, after?: string): Verb<readonly StoredRun[]> {
  // No run has such an id, and Postgres knows no text with this character in it.
  if (after?.includes("\0") === true) return [];
  const rows = yield after === undefined ? fromNewest(tenant, limit) : behind(tenant, limit, after);
  return yield* withStages(rows.map(toRun), dialect);
}

function fromNewest(tenant: string, limit: number): Statement {
  return {
    text: `select ${runColumns} from fate_runs where tenant = $1 order by created_ms desc, id desc limit $2`,
    values: [tenant, limit],
  };
}

/** None if the run is not there any more. */
function behind(tenant: string, limit: number, after: string): Statement {
  return {
    text:
      `select ${runColumns} from fate_runs where tenant = $1 ` +
      "and (created_ms, id) < (select created_ms, id from fate_runs where id = $3 and tenant = $1) " +
      "order by created_ms desc, id desc limit $2",
    values: [tenant, limit, after],
  };
}
