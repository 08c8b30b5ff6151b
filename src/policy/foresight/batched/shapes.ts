/** What a stage, or a share of its items, asks of a batch: sequences, prompt, iterations, KV memory. By sort of engine. */

import type { ModelCosts } from "../../../cost/cost-model.ts";
import { sharePromptTokens, shareWork, sideBySide } from "../../../cost/share-work.ts";
import type { VisibleModelStage } from "../../../model/visible.ts";
import type { Fleet } from "../fleet.ts";

export type Shape = {
  readonly items: number;
  /** Sequences side by side, and how many times over. */
  readonly sequences: number;
  readonly waves: number;
  readonly promptTokens: number;
  readonly sharedTokens: number;
  readonly ownTokens: number;
  /** Of one sequence when decoding starts. */
  readonly contextTokens: number;
  /** Iterations that decode; none of what only embeds. */
  readonly decodeSteps: number;
  /** KV memory that is set aside when it joins. */
  readonly joinTokens: number;
  /** KV memory that it holds in the end, as long as its answer is no longer than expected. */
  readonly fullTokens: number;
};

export function shapeOf(stage: VisibleModelStage, held: ModelCosts, maxSequences: number, items: number): Shape {
  const side = sideBySide(stage, held, maxSequences);
  const work = shareWork(stage, items, side, stage.outputTokens);
  const toWrite = stage.kind === "embed" ? 0 : work.sequences;
  const emptyTokens = shareWork(stage, items, side, 0).kvTokens + toWrite;
  // Waves follow each other in the same memory, which is set aside for the longest of them.
  const wavesTokens = work.waves > 1 ? shareWork(stage, items, side, stage.limitTokens).kvTokens : 0;
  return {
    items,
    sequences: work.sequences,
    waves: work.waves,
    promptTokens: sharePromptTokens(work, items),
    sharedTokens: work.sharedTokens,
    ownTokens: work.ownTokens,
    contextTokens: work.contextTokens,
    decodeSteps: stage.kind === "embed" ? 0 : work.decodeSteps,
    joinTokens: wavesTokens || emptyTokens,
    fullTokens: wavesTokens || Math.max(emptyTokens, work.kvTokens),
  };
}

/** Pairs of tokens in the attention of so many of its prompt, after those that are done: items attend to the shared part and, on average, to half of their own. */
export function pairsOf({ items, sharedTokens, ownTokens }: Shape, tokens: number, done: number): number {
  const before = items === 1 ? done : sharedTokens + ownTokens / 2;
  return tokens * (items === 1 ? before + (tokens + 1) / 2 : before);
}

const known = new WeakMap<Fleet, WeakMap<VisibleModelStage, (Shape | undefined)[]>>();

/** Of the whole stage on an engine that can hold its model; the same for as long as nothing about the stage changes. */
export function wholeShape(fleet: Fleet, stage: VisibleModelStage, engine: number): Shape {
  let byStage = known.get(fleet);
  if (byStage === undefined) known.set(fleet, (byStage = new WeakMap()));
  let bySort = byStage.get(stage);
  if (bySort === undefined) byStage.set(stage, (bySort = []));
  const sort = fleet.sortOf[engine]!;
  const found = bySort[sort];
  if (found !== undefined) return found;
  const costs = fleet.engines[engine]!;
  const held = costs.models.get(stage.model);
  if (held === undefined) throw new Error(`${costs.engine.id} cannot hold ${stage.model}`);
  return (bySort[sort] = shapeOf(stage, held, costs.engine.batching.maxSequences, stage.items));
}
