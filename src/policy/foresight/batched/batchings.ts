/** How each engine of a fleet batches; one that does not is taken for one that serves a single sequence at a time. */

import type { Batching } from "../../../model/cluster.ts";
import type { Fleet } from "../fleet.ts";

export type Batched = Extract<Batching, { kind: "batched" }>;

export function batchingsOf(fleet: Fleet): readonly Batched[] {
  return fleet.engines.map(({ engine: { batching } }) =>
    batching.kind === "batched"
      ? batching
      : { kind: "batched", maxSequences: 1, prefillTokens: Infinity, chunkedPrefill: false },
  );
}
