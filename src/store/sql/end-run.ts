/** Records how a run ended, once, if it is still its owner's. */

import type { Holding, RunEnd, Saved } from "../store.ts";
import type { Dialect, Verb } from "./statement.ts";

export function* endRun(_: Dialect, run: string, { owner, generation }: Holding, end: RunEnd): Verb<Saved> {
  const { status, endedMs, error = null } = end;
  const ended = yield {
    text:
      "update fate_runs set status = $4, ended_ms = $5, error = $6 " +
      "where id = $1 and owner = $2 and generation = $3 and status = 'running' returning id",
    values: [run, owner, generation, status, endedMs, error],
  };
  if (ended.length > 0) return "saved";
  const known = yield {
    text: "select id from fate_runs where id = $1 and owner = $2 and generation = $3 and status = $4",
    values: [run, owner, generation, status],
  };
  return known.length > 0 ? "known" : "lost";
}
