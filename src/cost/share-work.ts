/** What one share of a stage asks of an engine, worked out from the stage and the number of its items. */

import type { ModelHolding } from "../model/holding.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { shareShape } from "./shard.ts";

export type ShareWork = {
  /** Prompt tokens that all items of the share have in common. */
  readonly sharedTokens: number;
  /** Prompt tokens of one item beyond those. */
  readonly ownTokens: number;
  /** Output tokens of one item. */
  readonly outputTokens: number;
  /** Sequences side by side, and how many times over. */
  readonly sequences: number;
  readonly waves: number;
  /** Iterations that decode: the first token of each item comes with its prefill. */
  readonly decodeSteps: number;
  /** Context of one sequence when decoding starts. */
  readonly contextTokens: number;
  /** KV memory for `outputTokens` per item. */
  readonly kvTokens: number;
};

/** The work of `items` of a stage's items if the whole stage writes `outputTokens`. */
export function shareWork(
  stage: VisibleModelStage,
  items: number,
  maxSequences: number,
  outputTokens: number,
): ShareWork {
  const sharedTokens = sharedPromptTokens(stage);
  const ownTokens = Math.ceil((stage.promptTokens - sharedTokens) / stage.items);
  const perItem = Math.ceil(outputTokens / stage.items);
  const { sequences, waves } = shareShape(items, maxSequences);
  return {
    sharedTokens,
    ownTokens,
    outputTokens: perItem,
    sequences,
    waves,
    decodeSteps: Math.max(0, perItem - 1) * waves,
    contextTokens: sharedTokens + ownTokens,
    kvTokens: sharedTokens + sequences * (ownTokens + perItem),
  };
}

/** The prompt of an indivisible stage is one run of tokens; several items have only the shared links in common. */
function sharedPromptTokens(stage: VisibleModelStage): number {
  if (stage.items === 1) return stage.promptTokens;
  let tokens = 0;
  for (let index = 0; index < stage.sharedLinks; index++) tokens += stage.chain[index]?.tokens ?? 0;
  return tokens;
}

/** Prompt tokens that a share has to take in, of which `cachedTokens` need no work. */
export function sharePromptTokens(work: ShareWork, items: number): number {
  return work.sharedTokens + items * work.ownTokens;
}

/** How many items can run side by side: as many as the engine batches and as its KV memory takes at their longest, but at least one. */
export function sideBySide(stage: VisibleModelStage, held: ModelHolding, maxSequences: number): number {
  const sharedTokens = sharedPromptTokens(stage);
  const ownTokens = Math.ceil((stage.promptTokens - sharedTokens) / stage.items);
  const perItem = Math.max(1, ownTokens + Math.ceil(stage.limitTokens / stage.items));
  return Math.max(1, Math.min(maxSequences, Math.floor((held.kvCapacityTokens - sharedTokens) / perItem)));
}

/** Items of one share that do; one where the engine cannot hold the model. */
export function sequencesOf(
  { stage, items }: { readonly stage: VisibleModelStage; readonly items: number },
  held: ModelHolding | undefined,
  maxSequences: number,
): number {
  return items === 1 || held === undefined ? 1 : Math.min(items, sideBySide(stage, held, maxSequences));
}

/** Cached tokens that save work: at least one token of a prompt is always computed, since it brings forth the first output. */
export function usableCachedTokens(work: ShareWork, cachedTokens: number): number {
  return Math.max(0, Math.min(cachedTokens, work.sharedTokens - (work.ownTokens === 0 ? 1 : 0)));
}
