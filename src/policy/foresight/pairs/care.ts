/** What calls cost those behind them, as things stand: the price of a prompt token, and how long a batch of prompts may take. */

import type { Books } from "../../agents/books.ts";
import { newTokensOf } from "../../agents/demand.ts";
import type { Care } from "../../agents/settings.ts";
import { tokenUs } from "../../agents/split.ts";
import type { View } from "../../policy.ts";
import type { CareSettings } from "./settings.ts";

export function createCare(settings: CareSettings): (view: View, books: Books) => Care {
  const { batchUs, fullBatchUs, waitShare, price, fullest, keepable } = settings;
  return (view, books) => {
    const prefill = prefillOf(view, books);
    // Who is taken in last of all that wait is no later for it: a batch is no longer than a part of that wait anyway.
    const longUs = waitShare * waitUs(view, prefill);
    const decoders = [...view.cluster].filter(({ role }) => role !== "prefill");
    // What would only wait for KV memory sooner may as well wait for prefill: the order is not set so early then.
    if (books.decodeLoad(decoders) > fullest) return { mostBatchUs: Math.max(fullBatchUs, longUs) };
    const mostBatchUs = Math.max(batchUs, longUs);
    return { mostBatchUs, tokenPriceUs: price * delayUs(view, prefill, keepable) };
  };
}

/** All engines that take prompts in: tokens in a microsecond, and tokens of prefixes that they can keep. */
type Prefill = { readonly pace: number; readonly capacity: number };

/** Prompts of so many batches are in an engine's KV memory at most: what is taken in, and what is being sent. */
const batchesUnderWay = 3;

function prefillOf({ cluster }: View, books: Books): Prefill {
  let pace = 0;
  let capacity = 0;
  for (const { holding, role } of cluster) {
    if (role === "decode") continue;
    const [held] = books.costsAt(holding.index).models.values();
    if (held === undefined) continue;
    pace += 1 / tokenUs(held);
    const { batching } = holding.engine;
    const batchTokens = batching.kind === "exclusive" ? 0 : batching.prefillTokens;
    capacity += Math.max(0, held.kvCapacityTokens - batchesUnderWay * batchTokens);
  }
  return { pace, capacity };
}

/** How long all that is new in the prompts that wait takes. */
function waitUs({ ready }: View, { pace }: Prefill): number {
  let tokens = 0;
  for (const stage of ready) tokens += newTokensOf(stage);
  return pace === 0 ? 0 : tokens / pace;
}

/**
 * By how much a prompt token delays all that wait, together, if all prefill engines share what waits. Nothing where their KV memory is
 * small beside what open workflows are about to come back for: a prefix that is waited for may be gone by then.
 */
function delayUs({ ready, workflows }: View, { pace, capacity }: Prefill, keepable: number): number {
  let promptTokens = 0;
  for (const stage of ready) promptTokens += stage.promptTokens;
  const meanTokens = promptTokens / Math.max(1, ready.length);
  return pace === 0 || workflows.open.size * meanTokens > keepable * capacity ? 0 : ready.length / pace;
}
