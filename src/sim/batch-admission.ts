/** Who may join a batch, and for how long the batch can go on before KV memory runs out. */

import { sequencesOf, sharePromptTokens, shareWork, sideBySide, type ShareWork } from "../cost/share-work.ts";
import type { ModelHolding } from "../model/holding.ts";
import type { ModelId } from "../model/model.ts";
import type { EngineState, QueuedShare, RunningShare } from "../state/engine-state.ts";
import { nextInQueue } from "../state/queue.ts";
import { pickOvertaking, type Room } from "./overtaking.ts";

/** A share in the batch: as many sequences side by side as its work says, in step with each other. */
export type Group = {
  readonly running: RunningShare;
  readonly items: number;
  readonly work: ShareWork;
  /** Everything to take in: the prompt, and what was written before a preemption. */
  readonly promptTokens: number;
  /** Tokens of each sequence written before a preemption. */
  readonly written: number;
  /** Its inputs have arrived. */
  ready: boolean;
  /** Its prompt has been looked up in the prefix cache and is being taken in. */
  opened: boolean;
  /** Prompt tokens still to take in. */
  promptLeft: number;
  /** Prompt tokens cached or taken in. */
  promptDone: number;
  /** Iterations still to decode. */
  stepsLeft: number;
  /** KV tokens of all its sequences, once it decodes. */
  contextTokens: number;
  /** KV tokens that no other share may have: what was set aside at admission, or what it has grown to. */
  reservedTokens: number;
};

/** KV tokens that a share must find free to join: its prompt, what it wrote before it was preempted, and a token to write. */
export function admissionTokens(
  { stage, items, phase }: QueuedShare,
  held: ModelHolding,
  maxSequences: number,
  written: number,
): number {
  const embeds = stage.kind === "embed" && phase === "whole";
  if (items === 1 && stage.items === 1) return stage.promptTokens + written + (embeds ? 0 : 1);
  const sequences = sideBySide(stage, held, maxSequences);
  const work = shareWork(stage, items, sequences, 0);
  // Waves follow each other in the same memory, which must take the longest of them.
  if (work.waves > 1) return shareWork(stage, items, sequences, stage.limitTokens).kvTokens;
  const toWrite = embeds ? 0 : work.sequences;
  return work.kvTokens + work.sequences * written + toWrite;
}

/** A share as it joins, with `written` tokens of each sequence already written before. */
export function createGroup(running: RunningShare, work: ShareWork, written: number): Group {
  const promptTokens = sharePromptTokens(work, running.items) + work.sequences * written;
  return {
    running,
    items: running.items,
    work,
    promptTokens,
    written,
    ready: false,
    opened: false,
    promptLeft: 0,
    promptDone: 0,
    stepsLeft: 0,
    contextTokens: running.phase === "decode" ? promptTokens : 0,
    reservedTokens: running.kvTokens,
  };
}

/**
 * What the batch has room for: the next share in the queue's order, or where that lacks KV memory or places, one that may
 * overtake it. Nothing else overtakes.
 */
export function admissibleShare(
  engine: EngineState,
  groups: readonly Group[],
  written: (queued: QueuedShare) => number,
  nowUs: number,
): QueuedShare | undefined {
  const next = nextInQueue(engine, nowUs);
  const held = next === undefined ? undefined : engine.holding.models.get(next.stage.model);
  if (next === undefined || held === undefined) return undefined;
  const [beside] = engine.running;
  if (beside === undefined) return next;
  if (beside.stage.model !== next.stage.model) return undefined;
  const room = createRoom(engine, held, groups, written, placesLeft(engine, groups));
  if (room.fits(next)) return next;
  return engine.overtaking === 0 ? undefined : pickOvertaking(engine, engine.queue, room, next, nowUs);
}

/** What the groups of all models leave of the engine's sequences. */
export function placesLeft(engine: EngineState, groups: readonly Group[]): number {
  let places = engine.holding.engine.batching.maxSequences;
  for (const group of groups) places -= group.work.sequences;
  return places;
}

/** What is free for a model. Groups of others may be among those given: they hold sequences, and KV memory of their own. */
export function createRoom(
  engine: EngineState,
  held: ModelHolding,
  groups: readonly Group[],
  written: (queued: QueuedShare) => number,
  freeSequences: number,
): Room {
  const { maxSequences } = engine.holding.engine.batching;
  const model = held.model.id;
  const freeTokens = held.kvCapacityTokens - keptTokens(engine, model, groups);
  const sequencesFor = (share: QueuedShare): number => sequencesOf(share, held, maxSequences);
  const tokensFor = (share: QueuedShare): number => admissionTokens(share, held, maxSequences, written(share));
  let byStart: ReadonlyMap<number, Group> | undefined;
  return {
    freeTokens,
    freeSequences,
    tokensFor,
    sequencesFor,
    fits: (share) => sequencesFor(share) <= freeSequences && tokensFor(share) <= freeTokens,
    heldBy: (share) => {
      byStart ??= new Map(groups.map((group) => [group.running.started, group]));
      const group = byStart.get(share.started);
      const own = share.stage.model === model;
      if (group === undefined) return { tokens: own ? share.kvTokens : 0, sequences: 0 };
      return { tokens: own ? group.reservedTokens : 0, sequences: group.work.sequences };
    },
  };
}

/** KV tokens of a model that are set aside: for its batch, and for shares whose KV is on its way to a decode engine. */
function keptTokens(engine: EngineState, model: ModelId, groups: readonly Group[]): number {
  let tokens = engine.kvTokensOf(model);
  for (const { running, reservedTokens } of groups)
    if (running.stage.model === model) tokens += reservedTokens - running.kvTokens;
  return tokens;
}

/** KV memory that a decoding share fills: what its sequences have in common is there once, though each attends to it. */
export function heldTokens({ contextTokens, work }: Group): number {
  return contextTokens - (work.sequences - 1) * work.sharedTokens;
}

/** How many iterations the decoding shares can go on for until KV memory is full. Waves have theirs set aside. */
export function growthSteps(engine: EngineState, decoders: readonly Group[], groups: readonly Group[]): number {
  const growing = decoders.filter((group) => group.work.waves === 1);
  const held = engine.holding.models.get(growing[0]?.running.stage.model ?? "");
  if (held === undefined) return Infinity;
  const freeTokens = held.kvCapacityTokens - keptTokens(engine, held.model.id, groups);
  const needed = (steps: number): number => {
    let tokens = 0;
    for (const group of growing)
      tokens += Math.max(0, heldTokens(group) + steps * group.work.sequences - group.reservedTokens);
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
