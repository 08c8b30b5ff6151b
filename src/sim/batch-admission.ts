/** Who may join a batch, and for how long the batch can go on before KV memory runs out. */

import { shareWork, sideBySide, type ShareWork } from "../cost/share-work.ts";
import type { EngineState, QueuedShare, RunningShare } from "../state/engine-state.ts";

/** A share in the batch: as many sequences side by side as its work says, in step with each other. */
export type Group = {
  readonly running: RunningShare;
  readonly work: ShareWork;
  /** Its inputs have arrived. */
  ready: boolean;
  /** Prompt tokens still to take in; NaN until the prompt is opened. */
  promptLeft: number;
  /** Prompt tokens cached or taken in. */
  promptDone: number;
  /** Iterations still to decode. */
  stepsLeft: number;
  /** KV tokens of all its sequences. */
  contextTokens: number;
  /** KV tokens that no other share may have: what was expected at admission, or what it has grown to. */
  reservedTokens: number;
};

/** The head of the queue, if the batch has room for it. Nothing overtakes the head. */
export function admissibleShare(engine: EngineState, groups: readonly Group[]): QueuedShare | undefined {
  const queued = engine.queue[0];
  if (queued === undefined) return undefined;
  const { stage, items } = queued;
  const held = engine.holding.models.get(stage.model);
  if (held === undefined) return undefined;
  if (engine.running.length === 0) return queued;
  if (engine.running.some((running) => running.stage.model !== stage.model)) return undefined;
  const { maxSequences } = engine.holding.engine.batching;
  const work = shareWork(stage, items, sideBySide(stage, held, maxSequences), stage.outputTokens);
  let sequences = work.sequences;
  for (const group of groups) sequences += group.work.sequences;
  if (sequences > maxSequences) return undefined;
  return keptTokens(engine, groups) + work.kvTokens <= held.kvCapacityTokens ? queued : undefined;
}

/** KV tokens that are set aside: for the batch, and for shares whose KV is on its way to a decode engine. */
function keptTokens(engine: EngineState, groups: readonly Group[]): number {
  let tokens = engine.kvTokens;
  for (const group of groups) tokens += group.reservedTokens - group.running.kvTokens;
  return tokens;
}

/** What a share keeps from others after it has grown. Waves reuse the memory of those before. */
export function reservedTokens(group: Group): number {
  const grown = group.work.waves > 1 ? 0 : group.contextTokens;
  return Math.max(group.reservedTokens, grown);
}

/** How many iterations all decoding shares can go on for until KV memory is full. */
export function growthSteps(engine: EngineState, groups: readonly Group[]): number {
  const held = engine.holding.models.get(groups[0]?.running.stage.model ?? "");
  if (held === undefined) return 0;
  const freeTokens = held.kvCapacityTokens - keptTokens(engine, groups);
  const growing = groups.filter((group) => group.stepsLeft > 0 && group.work.waves === 1);
  const needed = (steps: number): number => {
    let tokens = 0;
    for (const group of growing)
      tokens += Math.max(0, group.contextTokens + steps * group.work.sequences - group.reservedTokens);
    return tokens;
  };
  let least = 0;
  let most = 1;
  for (const group of growing) most = Math.max(most, group.stepsLeft);
  while (least < most) {
    const middle = (least + most + 1) >> 1;
    if (needed(middle) <= freeTokens) least = middle;
    else most = middle - 1;
  }
  return least;
}
