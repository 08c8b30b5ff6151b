/** How long each phase of a share takes on an engine that does nothing else, before the engine's slowness. */

import { decodeUs } from "./decode.ts";
import { prefillUs } from "./prefill.ts";
import type { Rates } from "./roofline.ts";
import { usableCachedTokens, type ShareWork } from "./share-work.ts";

/** The shared prompt once, as far as it is not cached, then each item's own tokens after it. */
export function sharePrefillUs(rates: Rates, work: ShareWork, items: number, cachedTokens: number): number {
  const cached = usableCachedTokens(work, cachedTokens);
  const sharedUs = prefillUs(rates, work.sharedTokens - cached, cached, 1);
  return work.ownTokens === 0 ? sharedUs : sharedUs + prefillUs(rates, work.ownTokens, work.sharedTokens, items);
}

export function shareDecodeUs(rates: Rates, work: ShareWork): number {
  return decodeUs(rates, work.sequences, work.contextTokens, work.decodeSteps);
}
