/** What a share takes of its engine, and whether there is that much. */

import { sequencesOf, shareWork } from "../../cost/share-work.ts";
import { mixesModels } from "../../model/cluster.ts";
import type { EngineState, QueuedShare } from "../../state/engine-state.ts";

type Wanted = Pick<QueuedShare, "stage" | "items">;

/** Whether the engine can run the share beside what runs there now. */
export function hasRoom(engine: EngineState, queued: Wanted): boolean {
  const { batching } = engine.holding.engine;
  if (engine.running.length === 0) return true;
  if (batching.kind === "exclusive") return false;
  const { model } = queued.stage;
  if (!mixesModels(engine.holding.engine) && engine.running.some(({ stage }) => stage.model !== model)) return false;
  let sequences = placesOf(engine, queued);
  for (const running of engine.running) sequences += placesOf(engine, running);
  if (sequences > batching.maxSequences) return false;
  const capacity = engine.holding.models.get(model)?.kvCapacityTokens ?? 0;
  return engine.kvTokensOf(model) + kvTokensOf(engine, queued) <= capacity;
}

/** Items of the share side by side. */
export function placesOf({ holding }: EngineState, wanted: Wanted): number {
  return sequencesOf(wanted, holding.models.get(wanted.stage.model), holding.engine.batching.maxSequences);
}

/** What the share is expected to fill, never more than there is: a server preempts what outgrows it. */
export function kvTokensOf(engine: EngineState, queued: Wanted): number {
  const { stage, items } = queued;
  const capacity = engine.holding.models.get(stage.model)?.kvCapacityTokens ?? 0;
  return Math.min(capacity, shareWork(stage, items, placesOf(engine, queued), stage.outputTokens).kvTokens);
}
