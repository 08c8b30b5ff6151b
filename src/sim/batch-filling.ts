/** What goes into the next iteration of a batched engine. */

import type { Batch } from "../cost/roofline.ts";
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

/** Undefined if there is nothing to do. */
export function fillBatch(batching: Batching, groups: readonly Group[]): Filling | undefined {
  const waiting = groups.filter((group) => group.ready && group.promptLeft > 0);
  const decoding = groups.filter((group) => group.stepsLeft > 0);
  const chunked = batching.kind === "batched" && batching.chunkedPrefill;
  const budget = batching.kind === "batched" ? batching.prefillTokens : Infinity;
  const decoders = chunked || waiting.length === 0 ? decoding : [];
  const prompts = chunked ? takeChunks(waiting, budget - countSequences(decoders)) : takeWhole(waiting, budget);
  if (prompts.length === 0 && decoders.length === 0) return undefined;
  let steps = prompts.length > 0 ? 1 : Infinity;
  if (prompts.length === 0) for (const group of decoders) steps = Math.min(steps, group.stepsLeft);
  return { batch: toBatch(prompts, decoders), prompts, decoders, steps };
}

function countSequences(groups: readonly Group[]): number {
  let sequences = 0;
  for (const group of groups) sequences += group.work.sequences;
  return sequences;
}

/** In order of admission, the last one perhaps only in part. */
function takeChunks(waiting: readonly Group[], budget: number): Filling["prompts"] {
  const prompts: { group: Group; tokens: number }[] = [];
  let left = Math.max(1, budget);
  for (const group of waiting) {
    if (left <= 0) break;
    const tokens = Math.min(group.promptLeft, left);
    prompts.push({ group, tokens });
    left -= tokens;
  }
  return prompts;
}

/** In order of admission, each whole; the first always, however long. */
function takeWhole(waiting: readonly Group[], budget: number): Filling["prompts"] {
  const prompts: { group: Group; tokens: number }[] = [];
  let left = budget;
  for (const group of waiting) {
    if (prompts.length > 0 && group.promptLeft > left) break;
    prompts.push({ group, tokens: group.promptLeft });
    left -= group.promptLeft;
  }
  return prompts;
}

function toBatch(prompts: Filling["prompts"], decoders: readonly Group[]): Batch {
  let prefillTokens = 0;
  let prefillPairs = 0;
  for (const { group, tokens } of prompts) {
    prefillTokens += tokens;
    // Items attend to the shared prompt and, on average, to half of their own.
    const before = group.running.items === 1 ? group.promptDone : group.work.sharedTokens + group.work.ownTokens / 2;
    prefillPairs += group.running.items === 1 ? tokens * (before + (tokens + 1) / 2) : tokens * before;
  }
  let contextTokens = 0;
  for (const group of decoders) contextTokens += group.contextTokens;
  return {
    prefillTokens,
    prefillPairs,
    prefillSequences: prompts.length,
    sequences: countSequences(decoders),
    contextTokens,
  };
}
