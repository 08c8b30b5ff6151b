/** The verbs of the contract, each an order to whoever carries it out. */

import type { Seals } from "./sql/read-seals.ts";
import type { Order } from "./sql/verbs.ts";
import type { Store } from "./store.ts";

/** What looking after a store takes beyond the contract. */
export type Upkeep = {
  readonly readSeals: (segment: number) => Promise<Seals | undefined>;
  /** What the database itself finds wrong with what it holds, at most 100 lines; it may take long. */
  readonly inspect: () => Promise<readonly string[]>;
  /** Gives space back that nothing fills any more, a step at a time; false if there is no more to give. */
  readonly shrink: () => Promise<boolean>;
  /**
   * Forgets leases whose names begin so and that ran out more than so long ago, at most `limit`; says how many. Only for names that
   * no two holders ever have: epochs of a name that is forgotten begin anew.
   */
  readonly forgetLeases: (prefix: string, goneMs: number, limit: number) => Promise<number>;
};

export type KeptStore = Store & Upkeep;

export function askByVerbs(
  ask: (order: Order) => Promise<unknown>,
): Omit<KeptStore, keyof AsyncDisposable | "inspect" | "shrink"> {
  const verb =
    <Result>(name: Order["verb"]) =>
    (...given: readonly unknown[]): Promise<Result> =>
      ask({ verb: name, given }) as Promise<Result>;
  return {
    createRun: verb("createRun"),
    saveStage: verb("saveStage"),
    endRun: verb("endRun"),
    readRun: verb("readRun"),
    findRun: verb("findRun"),
    listRuns: verb("listRuns"),
    listTakenUp: verb("listTakenUp"),
    takeUpRuns: verb("takeUpRuns"),
    forgetRuns: verb("forgetRuns"),
    beginSegment: verb("beginSegment"),
    appendJournal: verb("appendJournal"),
    listSegments: verb("listSegments"),
    readBlock: verb("readBlock"),
    readSeals: verb("readSeals"),
    pruneJournal: verb("pruneJournal"),
    takeLease: verb("takeLease"),
    renewLease: verb("renewLease"),
    releaseLease: verb("releaseLease"),
    listLeases: verb("listLeases"),
    forgetLeases: verb("forgetLeases"),
  };
}
