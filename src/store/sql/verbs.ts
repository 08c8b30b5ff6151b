/** Every verb of the contract by its name. */

import { appendJournal } from "./append-journal.ts";
import { beginSegment } from "./begin-segment.ts";
import { createRun } from "./create-run.ts";
import { endRun } from "./end-run.ts";
import { findRun } from "./find-run.ts";
import { forgetLeases } from "./forget-leases.ts";
import { forgetRuns } from "./forget-runs.ts";
import { listLeases } from "./list-leases.ts";
import { listRuns } from "./list-runs.ts";
import { listSegments } from "./list-segments.ts";
import { listTakenUp } from "./list-taken-up.ts";
import { pruneJournal } from "./prune-journal.ts";
import { readBlock } from "./read-block.ts";
import { readRun } from "./read-run.ts";
import { readSeals } from "./read-seals.ts";
import { releaseLease } from "./release-lease.ts";
import { renewLease } from "./renew-lease.ts";
import { saveStage } from "./save-stage.ts";
import type { Dialect, Verb } from "./statement.ts";
import { takeLease } from "./take-lease.ts";
import { takeUpRuns } from "./take-up-runs.ts";

const verbs = {
  createRun,
  saveStage,
  endRun,
  readRun,
  findRun,
  listRuns,
  listTakenUp,
  takeUpRuns,
  forgetRuns,
  beginSegment,
  appendJournal,
  listSegments,
  readBlock,
  readSeals,
  pruneJournal,
  takeLease,
  renewLease,
  releaseLease,
  listLeases,
  forgetLeases,
} as const;

export type VerbName = keyof typeof verbs;

/** A verb with what it is given, as it goes to the thread or the connection that carries it out. */
export type Order = { readonly verb: VerbName; readonly given: readonly unknown[] };

/** Which verb is given what is settled by the types of whoever makes orders. */
export function begin(dialect: Dialect, { verb, given }: Order): Verb<unknown> {
  const act = verbs[verb] as (dialect: Dialect, ...given: readonly unknown[]) => Verb<unknown>;
  return act(dialect, ...given);
}
