/** What calls cost those behind them, as things stand: the price of a prompt token, and how long a batch of prompts may take. */

import type { Books } from "../../agents/books.ts";
import type { Care } from "../../agents/settings.ts";
import { tokenUs } from "../../agents/split.ts";
import type { View } from "../../policy.ts";
import type { CareSettings } from "./settings.ts";

export function createCare({ batchUs, price, fullest }: CareSettings): (view: View, books: Books) => Care {
  return (view, books) => {
    const decoders = [...view.cluster].filter(({ role }) => role !== "prefill");
    // What would only wait for KV memory sooner may as well wait for prefill: the order is not set so early then.
    if (books.decodeLoad(decoders) > fullest) return {};
    return { mostBatchUs: batchUs, tokenPriceUs: price * waitUs(view, books) };
  };
}

/** By how much a prompt token delays all that wait, together, if all prefill engines share what waits. */
function waitUs({ cluster, ready }: View, books: Books): number {
  let pace = 0;
  for (const { holding, role } of cluster) {
    if (role === "decode") continue;
    const [held] = books.costsAt(holding.index).models.values();
    if (held !== undefined) pace += 1 / tokenUs(held);
  }
  return pace === 0 ? 0 : ready.length / pace;
}
