/** Ways to break what is tested, on purpose: each law must see one of them. */

import type { Runs } from "../gateway/declared/runs.ts";
import type { Driver } from "../gateway/live/driver.ts";
import type { Engine } from "../model/cluster.ts";
import type { JournalEvent } from "../model/event.ts";
import type { Store } from "../store/store.ts";

export type Sabotage = {
  readonly store?: (store: Store) => Store;
  /** What those who bring work are given. */
  readonly driver?: (driver: Driver) => Driver;
  readonly runs?: (runs: Runs) => Runs;
  /** An engine as it is, against how gateways take it to be. */
  readonly engine?: (engine: Engine) => Engine;
  /** A record of a journal, or nothing in its place. */
  readonly record?: (event: JournalEvent) => JournalEvent | undefined;
  /** When gateways give up what waits. */
  readonly giveUpMs?: number;
};
