/** KV memory and places of an engine: what shares hold, what they ask for, and when it becomes free. */

import { shareWork, type ShareWork } from "../cost/share-work.ts";
import type { ModelId } from "../model/model.ts";
import { inBatchOf } from "./filling.ts";
import type { EngineRow, ShareRow } from "./rows.ts";

/** An exclusive engine sets the limit aside, and so do waves; a batch only what the share has when it begins to write. */
export function toSetAside({ costs }: EngineRow, { stage, items, phase, written }: ShareRow, work: ShareWork): number {
  if (costs.engine.batching.kind === "exclusive" || work.waves > 1)
    return shareWork(stage, items, work.sequences, stage.limitTokens).kvTokens;
  const next = stage.kind === "embed" && phase === "whole" ? 0 : 1;
  return work.sharedTokens + work.sequences * (work.ownTokens + written + next);
}

/** What shares hold: as set aside, or as it has grown beyond that. */
export function keptTokens(shares: readonly ShareRow[]): number {
  let tokens = 0;
  for (const share of shares) tokens += Math.max(share.kvTokens, grownTokens(share));
  return tokens;
}

/** What decoding has filled: the common prompt once, each sequence's own after it. Waves reuse the memory of those before. */
export function grownTokens({ work, step, written, stepsDone }: ShareRow): number {
  if (work === undefined || work.waves > 1 || step !== "decoding") return 0;
  return work.sharedTokens + work.sequences * (work.ownTokens + written + stepsDone);
}

/** Shares that only wait for their KV to leave hold memory, but have left the batch. */
export function isInBatch({ step }: ShareRow): boolean {
  return step !== "prefilled" && step !== "sending" && step !== "sent";
}

/** KV tokens and places. */
export type Room = { readonly tokens: number; readonly sequences: number };

/** What is left for shares of a model: of its KV memory, and of the sequences that all share. */
export function freeRoom(engine: EngineRow, model: ModelId): Room {
  const { batching } = engine.costs.engine;
  const capacity = engine.costs.models.get(model)?.kvCapacityTokens ?? 0;
  let sequences = batching.maxSequences;
  for (const share of engine.running) if (isInBatch(share)) sequences -= share.work?.sequences ?? 0;
  return { tokens: capacity - keptTokens(inBatchOf(engine, model, engine.running)), sequences };
}

export function askedBy(engine: EngineRow, share: ShareRow, work: ShareWork): Room {
  return { tokens: toSetAside(engine, share, work), sequences: work.sequences };
}

export function hasRoom(free: Room, asked: Room): boolean {
  return asked.tokens <= free.tokens && asked.sequences <= free.sequences;
}

/** When a share of a model that asks for so much of what is free could begin, as running shares are expected to end, and what is spare beside it then. */
export function beginOf(
  engine: EngineRow,
  model: ModelId,
  free: Room,
  asked: Room,
  nowUs: number,
): { readonly atUs: number; readonly spare: Room } {
  const ends = engine.running
    .map((share) => ({ share, endUs: Math.max(nowUs, expectedEndUs(share)) }))
    .sort((left, right) => left.endUs - right.endUs);
  let tokens = free.tokens - asked.tokens;
  let sequences = free.sequences - asked.sequences;
  let atUs = nowUs;
  for (const { share, endUs } of ends) {
    if (tokens >= 0 && sequences >= 0 && endUs > atUs) break;
    tokens += keptTokens(inBatchOf(engine, model, [share]));
    if (isInBatch(share)) sequences += share.work?.sequences ?? 0;
    atUs = endUs;
  }
  return { atUs, spare: { tokens, sequences } };
}

function expectedEndUs({ step, dueUs, startUs, expectedUs }: ShareRow): number {
  return step === "sending" ? dueUs : startUs + expectedUs;
}
