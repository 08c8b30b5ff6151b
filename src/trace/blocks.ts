/**
 * Prompts from block hashes. A trace names each block of a prompt by an id that stands for the block and all before it.
 * Blocks that never part, in the whole trace, become one segment, so that chains stay short.
 */

import type { Segment } from "../model/workflow.ts";
import { type Place, refuse, stepInto } from "./place.ts";

export type HashedPrompt = {
  readonly hashIds: readonly number[];
  readonly inputTokens: number;
  readonly place: Place;
};

/** One list of segments per prompt. Tokens beyond the last block named are the prompt's own. O(blocks). */
export function segmentBlocks(prompts: readonly HashedPrompt[], blockTokens: number): readonly (readonly Segment[])[] {
  const chains = prompts.map((prompt) => toChain(prompt, blockTokens));
  const joined = findJoints(chains);
  return chains.map((chain, index) => {
    const segments = mergeChain(chain, joined);
    const named = segments.reduce((sum, segment) => sum + segment.tokens, 0);
    const own = (prompts[index]?.inputTokens ?? 0) - named;
    return own > 0 ? [...segments, { kind: "own", tokens: own }] : segments;
  });
}

type Block = { readonly key: string; readonly tokens: number };

/** A last block that is not full is another block than a full one of the same id. */
function toChain({ hashIds, inputTokens, place }: HashedPrompt, blockTokens: number): readonly Block[] {
  const most = Math.ceil(inputTokens / blockTokens);
  if (hashIds.length > most)
    refuse(
      stepInto(place, "hash_ids"),
      `${hashIds.length} blocks`,
      `at most ${most}: ${inputTokens} tokens in blocks of ${blockTokens}`,
    );
  return hashIds.map((id, index) => {
    const tokens = Math.min(blockTokens, inputTokens - index * blockTokens);
    return { key: tokens === blockTokens ? `${id}` : `${id}/${tokens}`, tokens };
  });
}

/** Keys that always have the same block before them, and that block always has them after it. */
function findJoints(chains: readonly (readonly Block[])[]): ReadonlySet<string> {
  const before = new Map<string, string | undefined>();
  const after = new Map<string, string | undefined>();
  for (const chain of chains) {
    for (const [index, block] of chain.entries()) {
      note(before, block.key, chain[index - 1]?.key);
      note(after, block.key, chain[index + 1]?.key);
    }
  }
  const joined = new Set<string>();
  for (const [key, previous] of before) if (previous !== undefined && after.get(previous) === key) joined.add(key);
  return joined;
}

/** Keeps the one neighbour that a key has ever had; undefined once there are two, the end of a chain being one. */
function note(seen: Map<string, string | undefined>, key: string, neighbour: string | undefined): void {
  if (!seen.has(key)) seen.set(key, neighbour);
  else if (seen.get(key) !== neighbour) seen.set(key, undefined);
}

type TextSegment = Extract<Segment, { kind: "text" }>;

function mergeChain(chain: readonly Block[], joined: ReadonlySet<string>): readonly TextSegment[] {
  const segments: TextSegment[] = [];
  for (let start = 0; start < chain.length;) {
    let end = start + 1;
    while (end < chain.length && joined.has(chain[end]?.key ?? "")) end++;
    const run = chain.slice(start, end);
    const first = run[0]?.key ?? "";
    const key = run.length === 1 ? `mooncake:${first}` : `mooncake:${first}+${run.length - 1}`;
    segments.push({ kind: "text", key, tokens: run.reduce((sum, block) => sum + block.tokens, 0) });
    start = end;
  }
  return segments;
}
