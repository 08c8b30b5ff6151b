/** Records what a stage came to, once, if the run is still its owner's. */

import type { Holding, Saved, StageRow } from "../store.ts";
import type { Dialect, Verb } from "./statement.ts";

/** The run's row stays as it is until this is durable, so that nobody takes the run up in between and misses the stage. */
export function* saveStage({ stay }: Dialect, run: string, holding: Holding, stage: StageRow): Verb<Saved> {
  const { owner, generation } = holding;
  const saved = yield {
    text:
      "insert into fate_stages (run, stage, record) " +
      "select id, cast($4 as text), cast($5 as text) from fate_runs " +
      `where id = $1 and owner = $2 and generation = $3 and status = 'running'${stay} ` +
      "on conflict do nothing returning stage",
    values: [run, owner, generation, stage.stage, stage.record],
  };
  if (saved.length > 0) return "saved";
  const known = yield {
    text:
      "select stage from fate_stages join fate_runs on id = run " +
      "where id = $1 and owner = $2 and generation = $3 and stage = $4",
    values: [run, owner, generation, stage.stage],
  };
  return known.length > 0 ? "known" : "lost";
}
