/** What goes into the next iteration of a batched engine. */

import type { Batch } from "../cost/roofline.ts";
import type { ShareWork } from "../cost/share-work.ts";
import type { Batching } from "../model/cluster.ts";
import type { Group } from "./batch-admission.ts";

export type Filling = {
  readonly batch: Batch;
  /** Prompts, or parts of prompts, taken in. */
  readonly prompts: readonly { readonly group: Group; readonly tokens: number }[];
  readonly decoders: readonly Group[];
  /** How many iterations this batch can be repeated; 1 with prompts in it. */
  readonly steps: number;
};

/** A prompt, as far as an iteration is concerned. */
export type Prompt = {
  readonly items: number;
  readonly work: ShareWork;
  /** Tokens still to take in, and tokens cached or taken in. */
  readonly promptLeft: number;
  readonly promptDone: number;
};

/** What an iteration takes in, prompt by prompt, and what it decodes beside. */
export type Intake = {
  /** How many tokens of this prompt it would take in too: none if there is no room for it. */
  readonly roomFor: (prompt: Prompt) => number;
  readonly take: (prompt: Prompt, tokens: number) => void;
  readonly batch: () => Batch;
};

/** How long an iteration takes on the engine now. */
export type Pace = (batch: Batch) => number;

/** Undefined if there is nothing to do. */
export function fillBatch(batching: Batching, groups: readonly Group[], pace: Pace): Filling | undefined {
  const waiting = groups.filter((group) => group.ready && group.promptLeft > 0);
  const decoding = groups.filter((group) => group.stepsLeft > 0);
  const chunked = batching.kind === "batched" && batching.chunkedPrefill;
  const decoders = chunked || waiting.length === 0 ? decoding : [];
  const intake = createIntake(batching, decoders, pace);
  const prompts: { group: Group; tokens: number }[] = [];
  for (const group of waiting) {
    const tokens = intake.roomFor(group);
    if (tokens === 0) break;
    intake.take(group, tokens);
    prompts.push({ group, tokens });
  }
  if (prompts.length === 0 && decoders.length === 0) return undefined;
  let steps = prompts.length > 0 ? 1 : Infinity;
  if (prompts.length === 0) for (const group of decoders) steps = Math.min(steps, group.stepsLeft);
  return { batch: intake.batch(), prompts, decoders, steps };
}

/**
 * Whole prompts go in as long as the token budget lasts; in chunks, decoding sequences count too and the last prompt goes in as
 * far as it does. Where time is bounded, a prompt waits that would make the iteration too long. The first one always gets in.
 */
export function createIntake(batching: Batching, decoders: readonly Group[], pace: Pace): Intake {
  const { prefillTokens: budget, chunkedPrefill: chunked, prefillUs } = bounds(batching);
  let sequences = 0;
  let contextTokens = 0;
  for (const group of decoders) {
    sequences += group.work.sequences;
    contextTokens += group.contextTokens;
  }
  let left = chunked ? Math.max(1, budget - sequences) : budget;
  let batch: Batch = { prefillTokens: 0, prefillPairs: 0, prefillSequences: 0, sequences, contextTokens };
  return {
    roomFor: (prompt) => {
      const first = batch.prefillSequences === 0;
      const tokens = chunked ? Math.min(prompt.promptLeft, Math.max(0, left)) : prompt.promptLeft;
      if (!first && !chunked && tokens > left) return 0;
      if (!first && prefillUs !== undefined && pace(withPrompt(batch, prompt, tokens)) > prefillUs) return 0;
      return tokens;
    },
    take: (prompt, tokens) => {
      batch = withPrompt(batch, prompt, tokens);
      left -= tokens;
    },
    batch: () => batch,
  };
}

function bounds(
  batching: Batching,
): Pick<Extract<Batching, { kind: "batched" }>, "prefillTokens" | "chunkedPrefill" | "prefillUs"> {
  return batching.kind === "batched" ? batching : { prefillTokens: Infinity, chunkedPrefill: false };
}

function withPrompt(batch: Batch, { items, work, promptDone }: Prompt, tokens: number): Batch {
  // Items attend to the shared prompt and, on average, to half of their own.
  const before = items === 1 ? promptDone : work.sharedTokens + work.ownTokens / 2;
  const pairs = items === 1 ? tokens * (before + (tokens + 1) / 2) : tokens * before;
  return {
    ...batch,
    prefillTokens: batch.prefillTokens + tokens,
    prefillPairs: batch.prefillPairs + pairs,
    prefillSequences: batch.prefillSequences + 1,
  };
}
