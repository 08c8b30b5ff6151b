/** What is known of engines without looking at their state: which are of one kind, and how fast a kind works. */

import type { EngineCosts, ModelCosts } from "../cost/cost-model.ts";
import { shareDecodeUs, sharePrefillUs } from "../cost/phase.ts";
import { shareWork, sideBySide } from "../cost/share-work.ts";
import type { VisibleModelStage } from "../model/visible.ts";

/** Engines of one kind of GPU in equal number. */
export function kindOf({ gpu, engine }: EngineCosts): string {
  return `${engine.devices.length} ${gpu.id}`;
}

/** Prefill and decode of so many of the stage's items alone on the engine, without a load, a transfer or a cached prefix. */
export function profiledUs({ engine }: EngineCosts, held: ModelCosts, stage: VisibleModelStage, items: number): number {
  const sequences = sideBySide(stage, held, engine.batching.maxSequences);
  const work = shareWork(stage, items, sequences, stage.outputTokens);
  return sharePrefillUs(held.rates, work, items, 0) + shareDecodeUs(held.rates, work);
}
