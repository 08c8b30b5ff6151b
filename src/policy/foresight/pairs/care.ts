/** What calls cost those behind them, as things stand: the price of a prompt token, and how long a batch of prompts may take. */

import type { Books } from "../../agents/books.ts";
import type { Care } from "../../agents/settings.ts";
import { tokenUs } from "../../agents/split.ts";
import type { View } from "../../policy.ts";
import type { CareSettings } from "./settings.ts";

export function createCare({
  batchUs,
  fullBatchUs,
  price,
  fullest,
  keepable,
}: CareSettings): (view: View, books: Books) => Care {
  return (view, books) => {
    const decoders = [...view.cluster].filter(({ role }) => role !== "prefill");
    // What would only wait for KV memory sooner may as well wait for prefill: the order is not set so early then.
    if (books.decodeLoad(decoders) > fullest) return { mostBatchUs: fullBatchUs };
    return { mostBatchUs: batchUs, tokenPriceUs: price * waitUs(view, books, keepable) };
  };
}

/** Prompts of so many batches are in an engine's KV memory at most: what is taken in, and what is being sent. */
const batchesUnderWay = 3;

/**
 * By how much a prompt token delays all that wait, together, if all prefill engines share what waits. Nothing where their KV memory is
 * small beside what open workflows are about to come back for: a prefix that is waited for may be gone by then.
 */
function waitUs({ cluster, ready, workflows }: View, books: Books, keepable: number): number {
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
  let promptTokens = 0;
  for (const stage of ready) promptTokens += stage.promptTokens;
  const meanTokens = promptTokens / Math.max(1, ready.length);
  return pace === 0 || workflows.open.size * meanTokens > keepable * capacity ? 0 : ready.length / pace;
}
