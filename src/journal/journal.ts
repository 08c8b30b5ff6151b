/** The record of a run: a header that says what ran, then everything that happened. `docs/journal.md` specifies it. */

import type { Calibration } from "../cost/calibration.ts";
import type { Cluster } from "../model/cluster.ts";
import type { JournalEvent } from "../model/event.ts";
import type { Model } from "../model/model.ts";

export const journalVersion = 1;

export type JournalHeader = {
  readonly kind: "journal";
  readonly version: typeof journalVersion;
  readonly seed: number;
  readonly policy: string;
  readonly workload: string;
  readonly cluster: Cluster;
  readonly models: readonly Model[];
  readonly calibration: Calibration;
  /** `wall`: a recording of real servers, whose durations follow no formula. Simulated if absent. */
  readonly clock?: "wall";
  /** Position of the first record, where the journal goes on from a full one; 1 if absent. */
  readonly firstSequence?: number;
};

export type Journal = {
  readonly header: JournalHeader;
  readonly events: readonly JournalEvent[];
};
