/**
 * How long a stage takes at best on this cluster: alone, model loaded, inputs there, nothing cached; whole on the best engine, or on
 * the best prefill and the best decode engine with the KV transfer between them.
 */

import type { CostModel, EngineCosts } from "../../cost/cost-model.ts";
import { shareDecodeUs, sharePrefillUs } from "../../cost/phase.ts";
import { shareWork, sideBySide } from "../../cost/share-work.ts";
import { kvTransferUs } from "../../cost/transfer.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import { sortOf } from "../heft/mean-costs.ts";

export type BestTimes = {
  /** With the output as long as it is expected to be. Worked out once for a stage. */
  readonly ofUs: (stage: VisibleModelStage) => number;
  /** With an output of this length. */
  readonly withOutputUs: (stage: VisibleModelStage, outputTokens: number) => number;
};

const known = new WeakMap<readonly EngineCosts[], BestTimes>();

/** Costs do not change while a cost model lasts, so this looks at the engines once, and at each stage once. */
export function bestTimesOf({ engines }: CostModel): BestTimes {
  const found = known.get(engines);
  if (found !== undefined) return found;
  const sorts = toSorts(engines);
  const times = new WeakMap<VisibleModelStage, number>();
  const made: BestTimes = {
    ofUs: (stage) => {
      const before = times.get(stage);
      if (before !== undefined) return before;
      const us = bestUs(sorts, stage, stage.outputTokens);
      times.set(stage, us);
      return us;
    },
    withOutputUs: (stage, outputTokens) => bestUs(sorts, stage, outputTokens),
  };
  known.set(engines, made);
  return made;
}

/** One engine of each sort: of those whose speeds, sender and role are the same. */
function toSorts(engines: readonly EngineCosts[]): readonly EngineCosts[] {
  const sorts = new Map<string, EngineCosts>();
  for (const costs of engines) {
    const key = [sortOf(costs), costs.engine.role, costs.host.nicBytesPerSecond, costs.host.localLatencyUs].join();
    if (!sorts.has(key)) sorts.set(key, costs);
  }
  return [...sorts.values()];
}

/** 0 if no engine holds the model. */
function bestUs(sorts: readonly EngineCosts[], stage: VisibleModelStage, outputTokens: number): number {
  let wholeUs = Infinity;
  let sentUs = Infinity;
  let decodedUs = Infinity;
  for (const { engine, host, models } of sorts) {
    const held = models.get(stage.model);
    if (held === undefined) continue;
    const sequences = sideBySide(stage, held, engine.batching.maxSequences);
    const work = shareWork(stage, stage.items, sequences, outputTokens);
    const prefillUs = engine.role === "decode" ? Infinity : sharePrefillUs(held.rates, work, stage.items, 0);
    const decodeUs = stage.kind === "embed" || engine.role === "prefill" ? 0 : shareDecodeUs(held.rates, work);
    if (engine.role === "both" || stage.kind === "embed") wholeUs = Math.min(wholeUs, prefillUs + decodeUs);
    if (stage.kind === "embed") continue;
    const kvUs = kvTransferUs(host, held.model.kvBytesPerToken, stage.promptTokens);
    sentUs = Math.min(sentUs, prefillUs + kvUs);
    if (engine.role !== "prefill") decodedUs = Math.min(decodedUs, decodeUs);
  }
  const us = Math.min(wholeUs, sentUs + decodedUs);
  return us === Infinity ? 0 : Math.round(us);
}
