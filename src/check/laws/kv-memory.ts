import { mixesModels } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { Law } from "../law.ts";
import { inBatchOf, writtenBy } from "../filling.ts";
import { grownTokens, isInBatch, keptTokens } from "../room.ts";
import type { EngineRow, ShareRow } from "../rows.ts";

/** KV memory is never promised twice, and nobody is preempted while there is some left. */
export const kvMemory: Law = {
  name: "kv-memory",
  claim:
    "KV tokens set aside for running shares, or grown beyond that by decoding, never exceed the model's KV capacity on the engine; a share is preempted only when the next iteration would exceed it",
  scope: "any",
  watch: ({ ledger, report }) => {
    let changed: string | undefined;
    const look = (): void => {
      const engine = changed === undefined ? undefined : ledger.engine(changed);
      changed = undefined;
      if (engine === undefined) return;
      for (const shares of ofOneMemory(engine)) {
        const capacity = capacityOf(engine, shares);
        const kept = keptTokens(shares);
        if (kept > capacity) report(`${engine.costs.engine.id} holds ${kept} KV tokens of ${capacity}`);
      }
    };
    return {
      any: look,
      "share-start": (event) => {
        changed = event.engine;
      },
      "batch-step": (event) => {
        changed = event.engine;
      },
      "share-preempt": (event) => {
        const engine = ledger.engine(event.engine);
        const share = ledger.engines.running(event);
        if (engine === undefined || share === undefined) return;
        const beside = inBatchOf(engine, share.stage.model, engine.running);
        if (share !== beside.findLast(isInBatch)) report(`${event.stage} is preempted before a share that came later`);
        if (event.kvTokens !== share.kvTokens)
          report(`${event.stage} gives back ${event.kvTokens} KV tokens of ${share.kvTokens}`);
        const free = capacityOf(engine, beside) - keptTokens(beside);
        const needed = growth(beside);
        if (needed <= free)
          report(`${event.stage} is preempted, though ${free} KV tokens are free and ${needed} needed`);
        const lost = writtenBy(share) * (share.work?.sequences ?? 0);
        if (event.outputTokens !== lost)
          report(`${event.stage} is preempted with ${event.outputTokens} output tokens, it had written ${lost}`);
      },
      end: look,
    };
  },
};

/** What runs there, or where models are mixed, what runs of each: they have KV memory of their own. */
function ofOneMemory({ costs, running }: EngineRow): Iterable<readonly ShareRow[]> {
  if (!mixesModels(costs.engine)) return [running];
  return Map.groupBy(running, (share) => share.stage.model).values();
}

function capacityOf({ costs }: EngineRow, shares: readonly ShareRow[]): number {
  const model: ModelId | undefined = shares[0]?.stage.model;
  return (model === undefined ? undefined : costs.models.get(model)?.kvCapacityTokens) ?? 0;
}

/** KV tokens that one more iteration takes beyond what is set aside. */
function growth(shares: readonly ShareRow[]): number {
  let tokens = 0;
  for (const share of shares) {
    if (share.step !== "decoding" || share.work === undefined || share.work.waves > 1) continue;
    const grown = grownTokens(share);
    tokens += Math.max(0, grown + share.work.sequences - Math.max(share.kvTokens, grown));
  }
  return tokens;
}
