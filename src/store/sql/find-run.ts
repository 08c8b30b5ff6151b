/** Finds the run that a tenant's key was used for. */

import type { RunRow } from "../store.ts";
import { runColumns, toRun } from "./rows.ts";
import type { Dialect, Verb } from "./statement.ts";

export function* findRun(_: Dialect, tenant: string, key: string): Verb<RunRow | undefined> {
  const [row] = yield {
    text: `select ${runColumns} from fate_runs where tenant = $1 and run_key = $2`,
    values: [tenant, key],
  };
  return row === undefined ? undefined : toRun(row);
}
