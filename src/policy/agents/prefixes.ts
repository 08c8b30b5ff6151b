/** What engines that take prompts in can keep of them. */

import type { View } from "../policy.ts";
import type { Books } from "./books.ts";

/** Prompts of so many batches are in an engine's KV memory at most: what is taken in, and what is being sent. */
const batchesUnderWay = 3;

/**
 * Whether what open workflows are about to come back for takes no more than this share of the KV memory that prefill engines can keep
 * prefixes in, if their calls have prompts of so many tokens.
 */
export function keepsPrefixes({ workflows }: View, books: Books, promptTokens: number, share: number): boolean {
  let capacity = 0;
  for (const { batching, held } of books.prefilling()) {
    const batchTokens = batching.kind === "exclusive" ? 0 : batching.prefillTokens;
    capacity += Math.max(0, held.kvCapacityTokens - batchesUnderWay * batchTokens);
  }
  return workflows.open.size * promptTokens <= share * capacity;
}
