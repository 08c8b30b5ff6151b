/** What calls cost those behind them, as things stand: the price of a prompt token, and how long a batch of prompts may take. */

import type { Books } from "../../agents/books.ts";
import { newTokensOf } from "../../agents/demand.ts";
import { keepsPrefixes } from "../../agents/prefixes.ts";
import type { Care } from "../../agents/settings.ts";
import { tokenUs } from "../../agents/split.ts";
import type { View } from "../../policy.ts";
import type { CareSettings } from "./settings.ts";

export function createCare(settings: CareSettings): (view: View, books: Books) => Care {
  const { batchUs, fullBatchUs, waitShare, fullWaitShare, price, fullest, keepable } = settings;
  return (view, books) => {
    const { ready, cluster } = view;
    const pace = prefillPace(books);
    const waitUs = pace === 0 ? 0 : sum(ready, newTokensOf) / pace;
    const decoders = [...cluster].filter(({ role }) => role !== "prefill");
    // What would only wait for KV memory sooner may as well wait for prefill: the order is not set so early then.
    if (books.decodeLoad(decoders) > fullest) return { mostBatchUs: Math.max(fullBatchUs, fullWaitShare * waitUs) };
    // A prompt token delays all that wait, if all prefill engines share that. But a prefix that is waited for may be gone by then.
    const meanTokens = sum(ready, ({ promptTokens }) => promptTokens) / Math.max(1, ready.length);
    const delayUs = pace > 0 && keepsPrefixes(view, books, meanTokens, keepable) ? ready.length / pace : 0;
    return { mostBatchUs: Math.max(batchUs, waitShare * waitUs), tokenPriceUs: price * delayUs };
  };
}

/** Prompt tokens that all engines take in together per microsecond. */
function prefillPace(books: Books): number {
  let pace = 0;
  for (const { held } of books.prefilling()) pace += 1 / tokenUs(held);
  return pace;
}

function sum(ready: View["ready"], tokensOf: (stage: View["ready"][number]) => number): number {
  let tokens = 0;
  for (const stage of ready) tokens += tokensOf(stage);
  return tokens;
}
