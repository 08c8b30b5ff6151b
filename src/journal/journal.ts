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
};

export type Journal = {
  readonly header: JournalHeader;
  readonly events: readonly JournalEvent[];
};
