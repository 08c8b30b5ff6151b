/**
 * The KV slots of one loaded model. A slot keeps what the last call left in it; a call finds the longest beginning of its
 * prompt in any of them, keeps that much, and takes in the rest.
 */

import { strict as assert } from "node:assert";
import type { LlamaContext, LlamaSequence, SamplingOptions, Token } from "./library.ts";

export type Slot = { readonly index: number; readonly sequence: LlamaSequence; busy: boolean; usedAt: number };

export type KvSlots = {
  /** There is always a free one: no more calls run at once than there are slots. */
  readonly take: (prompt: Token[]) => Promise<{ readonly slot: Slot; readonly sharedTokens: number }>;
  readonly release: (slot: Slot) => void;
  /** Tokens whose KV is kept, over all slots. */
  readonly keptTokens: () => number;
  /** Prompt tokens that went through the model so far, as the library counts them. */
  readonly takenInTokens: () => number;
};

export function createKvSlots(context: LlamaContext, count: number): KvSlots {
  let clock = 0;
  const slots = Array.from({ length: count }, (_, index): Slot => {
    return { index, sequence: context.getSequence(), busy: false, usedAt: 0 };
  });
  const release = (slot: Slot): void => {
    slot.busy = false;
    slot.usedAt = ++clock;
  };
  return {
    take: async (prompt) => {
      const choice = choose(slots, prompt);
      choice.slot.busy = true;
      try {
        return { slot: choice.slot, sharedTokens: await prepare(choice) };
      } catch (error) {
        release(choice.slot);
        throw error;
      }
    },
    release,
    keptTokens: () => slots.reduce((sum, { sequence }) => sum + sequence.nextTokenIndex, 0),
    takenInTokens: () => slots.reduce((sum, { sequence }) => sum + sequence.tokenMeter.usedInputTokens, 0),
  };
}

type Choice = {
  readonly slot: Slot;
  /** Whose beginning is kept: the slot's own, or another's. */
  readonly source: Slot;
  readonly sharedTokens: number;
};

/**
 * A slot is gone on with if the call shares at least half of what it keeps: then it is the same conversation, or nearly. If
 * not, its conversation may still go on, so the longest unused slot is given up, and only the beginning is copied into it.
 */
function choose(slots: readonly Slot[], prompt: Token[]): Choice {
  const free = slots
    .filter(({ busy }) => !busy)
    .map((slot) => ({ slot, sharedTokens: countShared(slot.sequence, prompt) }))
    .sort((left, right) => left.slot.usedAt - right.slot.usedAt || left.slot.index - right.slot.index);
  const [oldest] = free;
  assert(oldest !== undefined, "more calls run at once than there are KV slots");
  const best = free.reduce((most, each) => (each.sharedTokens > most.sharedTokens ? each : most));
  const goesOn = best.sharedTokens * 2 >= best.slot.sequence.nextTokenIndex;
  const slot = goesOn ? best.slot : oldest.slot;
  return { slot, source: best.slot, sharedTokens: best.sharedTokens };
}

/** The last token of a prompt is always taken in: the answer's first token comes of it. */
function countShared(sequence: LlamaSequence, prompt: Token[]): number {
  return Math.min(sequence.compareContextTokens(prompt).firstDifferentIndex, prompt.length - 1);
}

/** Leaves the shared beginning in the slot and nothing else. Returns how many tokens that are. */
async function prepare({ slot, source, sharedTokens }: Choice): Promise<number> {
  const { sequence } = slot;
  let kept = sharedTokens;
  if (source !== slot) {
    // Copying is an inner method of the library: where a version has none, the beginning is taken in again.
    // oxlint-disable-next-line no-underscore-dangle -- its name says that it is an inner one
    const copied = sharedTokens > 0 && (await sequence._copyStateFromOtherSequence?.(source.sequence, sharedTokens));
    if (copied !== true) kept = 0;
  }
  if (sequence.nextTokenIndex > kept)
    await sequence.eraseContextTokenRanges([{ start: kept, end: sequence.nextTokenIndex }]);
  return kept;
}

/** Prompt tokens between two looks at the signal. */
const chunkTokens = 256;

/** Takes the rest of the prompt in and yields the answer token by token, until the model ends it, or no more are asked for. */
export async function* generate(
  sequence: LlamaSequence,
  rest: Token[],
  sampling: SamplingOptions,
  signal: AbortSignal,
): AsyncGenerator<Token> {
  signal.throwIfAborted();
  let at = 0;
  for (; rest.length - at > chunkTokens; at += chunkTokens) {
    await sequence.evaluateWithoutGeneratingNewTokens(rest.slice(at, at + chunkTokens));
    signal.throwIfAborted();
  }
  for await (const token of sequence.evaluate(rest.slice(at), sampling)) {
    signal.throwIfAborted();
    yield token;
  }
}
