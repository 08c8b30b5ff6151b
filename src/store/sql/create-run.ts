/** Takes in a run, unless its tenant's key or its id is there. */

import { StoreFault, type RunRow } from "../store.ts";
import { runColumns, toRun } from "./rows.ts";
import type { Dialect, Verb } from "./statement.ts";

/** The run that was in the way may be forgotten before it is read: then the way is free. */
const tries = 3;

export function* createRun(_: Dialect, run: RunRow): Verb<RunRow | undefined> {
  const { id, tenant, key = null } = run;
  for (let attempt = 0; attempt < tries; attempt++) {
    const created = yield {
      text:
        "insert into fate_runs (id, tenant, created_ms, status, definition, run_key, body_hash, owner, generation) " +
        "values ($1, $2, $3, 'running', $4, $5, $6, $7, $8) on conflict do nothing returning id",
      values: [id, tenant, run.createdMs, run.definition, key, run.bodyHash ?? null, run.owner, run.generation],
    };
    if (created.length > 0) return undefined;
    const [earlier] = yield {
      text:
        `select ${runColumns} from fate_runs where id = $1 or (tenant = $2 and run_key = $3) ` +
        "order by case when run_key = $3 and tenant = $2 then 0 else 1 end limit 1",
      values: [id, tenant, key],
    };
    if (earlier !== undefined) return toRun(earlier);
  }
  throw new StoreFault("unavailable", `run ${id}: another with its key comes and goes`);
}
