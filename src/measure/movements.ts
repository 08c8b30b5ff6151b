/** What was moved and what went wrong: loads, evictions, transfers, losses. Sums only. */

import type { EngineId } from "../model/cluster.ts";
import type { JournalEvent } from "../model/event.ts";
import type { ModelId } from "../model/model.ts";

export type Movements = {
  readonly loads: number;
  readonly prefetches: number;
  /** Loads of a model that this engine had held before, at the start or later. */
  readonly swaps: number;
  readonly evictions: number;
  readonly loadBytes: number;
  readonly loadUs: number;
  readonly transfers: number;
  readonly transferBytes: number;
  readonly transferUs: number;
  readonly transferWaitUs: number;
  readonly kvTransfers: number;
  readonly kvTransferBytes: number;
  readonly kvTransferUs: number;
  readonly kvTransferWaitUs: number;
  readonly lostAttempts: number;
  readonly preemptions: number;
  readonly rejects: number;
  readonly plans: number;
};

type Sums = { -readonly [Name in keyof Movements]: number };

export class MovementCount {
  readonly sums: Sums = {
    loads: 0,
    prefetches: 0,
    swaps: 0,
    evictions: 0,
    loadBytes: 0,
    loadUs: 0,
    transfers: 0,
    transferBytes: 0,
    transferUs: 0,
    transferWaitUs: 0,
    kvTransfers: 0,
    kvTransferBytes: 0,
    kvTransferUs: 0,
    kvTransferWaitUs: 0,
    lostAttempts: 0,
    preemptions: 0,
    rejects: 0,
    plans: 0,
  };
  /** Models that each engine holds or has held. */
  readonly #held: ReadonlyMap<EngineId, Set<ModelId>>;

  constructor(engines: readonly { readonly id: EngineId; readonly resident: readonly ModelId[] }[]) {
    this.#held = new Map(engines.map(({ id, resident }) => [id, new Set(resident)]));
  }

  see(event: JournalEvent): void {
    const { sums } = this;
    switch (event.kind) {
      case "model-load-start": {
        const held = this.#held.get(event.engine);
        sums.loads += 1;
        if (event.cause === "prefetch") sums.prefetches += 1;
        if (held?.has(event.model) === true) sums.swaps += 1;
        held?.add(event.model);
        sums.loadBytes += event.bytes;
        sums.loadUs += event.durationUs;
        return;
      }
      case "model-evict":
        sums.evictions += 1;
        return;
      case "transfer-start":
        sums.transfers += 1;
        sums.transferBytes += event.bytes;
        sums.transferUs += event.durationUs;
        sums.transferWaitUs += event.waitUs;
        return;
      case "kv-transfer-start":
        sums.kvTransfers += 1;
        sums.kvTransferBytes += event.bytes;
        sums.kvTransferUs += event.durationUs;
        sums.kvTransferWaitUs += event.waitUs;
        return;
      case "stage-lost":
        sums.lostAttempts += 1;
        return;
      case "share-preempt":
        sums.preemptions += 1;
        return;
      case "decision-reject":
        sums.rejects += 1;
        return;
      case "plan":
        sums.plans += 1;
        return;
      default:
        return;
    }
  }
}
