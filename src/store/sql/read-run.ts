/** Reads one run. */

import type { StoredRun } from "../store.ts";
import { runColumns, toRun, withStages } from "./rows.ts";
import type { Dialect, Verb } from "./statement.ts";

export function* readRun(dialect: Dialect, run: string): Verb<StoredRun | undefined> {
  const rows = yield { text: `select ${runColumns} from fate_runs where id = $1`, values: [run] };
  const [stored] = yield* withStages(rows.map(toRun), dialect);
  return stored;
}
