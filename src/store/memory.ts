/** A store in memory: for tests, as the model of the others, and for gateways whose work need not outlive them. */

import { createMemoryJournal } from "./memory/journal.ts";
import { createMemoryLeases } from "./memory/leases.ts";
import { createMemoryRuns } from "./memory/runs.ts";
import { StoreFault } from "./store.ts";
import type { KeptStore } from "./ask-by-verbs.ts";

export type MemoryStoreOptions = {
  /** By which leases run out: milliseconds that never go backwards. */
  readonly nowMs: () => number;
};

export function createMemoryStore({ nowMs }: MemoryStoreOptions): KeptStore {
  const leases = createMemoryLeases(nowMs);
  const runs = createMemoryRuns(leases.holds);
  const journal = createMemoryJournal();
  let closed = false;
  /** A verb does all it does at once, so that no two of them mix. */
  const verb =
    <Given extends readonly unknown[], Result>(act: (...given: Given) => Result) =>
    (...given: Given): Promise<Result> => {
      if (closed) return Promise.reject(new StoreFault("unavailable", "the store is closed"));
      try {
        return Promise.resolve(act(...given));
      } catch (error) {
        return Promise.reject(error);
      }
    };
  return {
    createRun: verb(runs.create),
    saveStage: verb(runs.saveStage),
    endRun: verb(runs.end),
    readRun: verb(runs.read),
    findRun: verb(runs.find),
    listRuns: verb(runs.list),
    listTakenUp: verb(runs.listTakenUp),
    takeUpRuns: verb(runs.takeUp),
    forgetRuns: verb(runs.forget),
    beginSegment: verb(journal.begin),
    appendJournal: verb(journal.append),
    listSegments: verb(journal.list),
    readBlock: verb(journal.read),
    // Memory has no torn writes.
    readSeals: () => Promise.resolve(undefined),
    inspect: () => Promise.resolve([]),
    shrink: () => Promise.resolve(false),
    pruneJournal: verb(journal.prune),
    takeLease: verb(leases.take),
    renewLease: verb(leases.renew),
    releaseLease: verb(leases.release),
    listLeases: verb(leases.list),
    forgetLeases: verb(leases.forget),
    [Symbol.asyncDispose]: () => {
      closed = true;
      return Promise.resolve();
    },
  };
}
