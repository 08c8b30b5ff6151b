/** What goes into the next iteration: a token for all that decode, and prompts in chunks as far as the budget goes. */

import type { Batch } from "../../cost/roofline.ts";
import type { Running } from "./running.ts";

export type Filling = {
  readonly batch: Batch;
  readonly prompts: readonly Chunk[];
  readonly decoders: readonly Running[];
  /** How often this batch can be repeated; 1 with prompts in it. */
  readonly steps: number;
};

type Chunk = { readonly running: Running; readonly tokens: number };

/** Undefined if there is nothing to do. */
export function fillBatch(members: readonly Running[], prefillTokens: number): Filling | undefined {
  const decoders = members.filter(({ stepsLeft }) => stepsLeft > 0);
  const sequences = countSequences(decoders);
  const prompts = takeChunks(members, Math.max(1, prefillTokens - sequences));
  if (prompts.length === 0 && decoders.length === 0) return undefined;
  let steps = prompts.length > 0 ? 1 : Infinity;
  let contextTokens = 0;
  for (const running of decoders) {
    steps = Math.min(steps, running.stepsLeft);
    contextTokens += running.contextTokens;
  }
  return { batch: { ...countPrompts(prompts), sequences, contextTokens }, prompts, decoders, steps };
}

export function countSequences(members: readonly Running[]): number {
  let sequences = 0;
  for (const { task } of members) sequences += task.sequences;
  return sequences;
}

/** In order of admission, the last one perhaps only in part. */
function takeChunks(members: readonly Running[], budget: number): readonly Chunk[] {
  const prompts: Chunk[] = [];
  let left = budget;
  for (const running of members) {
    if (left <= 0) break;
    if (running.promptLeft === 0) continue;
    const tokens = Math.min(running.promptLeft, left);
    prompts.push({ running, tokens });
    left -= tokens;
  }
  return prompts;
}

function countPrompts(prompts: readonly Chunk[]): Pick<Batch, "prefillTokens" | "prefillPairs" | "prefillSequences"> {
  let prefillTokens = 0;
  let prefillPairs = 0;
  for (const { running, tokens } of prompts) {
    prefillTokens += tokens;
    prefillPairs += tokens * (running.promptDone + (tokens + 1) / 2);
  }
  return { prefillTokens, prefillPairs, prefillSequences: prompts.length };
}
