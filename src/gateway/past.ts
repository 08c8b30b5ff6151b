/** What a gateway knows of those before it as it starts: from their journal, wherever that is, as far as its engines bear it out. */

import type { JournalVerbs } from "../store/store.ts";
import type { Config } from "./config/config.ts";
import type { Fleet } from "./fleet.ts";
import { journalFiles, journalSegments, type JournalSource } from "./live/journal-source.ts";
import { recollect } from "./live/recall.ts";
import type { DriverOptions } from "./live/live-driver.ts";
import type { Recall } from "./live/take-over.ts";
import { wait, type Time } from "./live/time.ts";
import type { Log } from "./observe/log.ts";

export type Past = {
  /** For the driver, as it begins. */
  readonly known: Pick<DriverOptions, "recall" | "journalStore">;
  /** What is still being read. Until it is there no journal is written: it would be the one that is read the next time. */
  readonly late?: Late;
};

export type Late = { readonly epoch: number; readonly recall: Promise<Recall | undefined> };

/** A gateway that starts waits so long for what those before it knew. */
const patienceMs = 500;

type PastOptions = {
  readonly time: Time;
  readonly config: Config;
  readonly store: JournalVerbs | undefined;
  readonly fleet: Fleet;
  readonly log: Log;
  /** The start has failed: what cannot be read any more is nobody's concern. */
  readonly signal: AbortSignal;
};

/** Never rejects: what cannot be read is told in the log, and learnt anew. */
export async function readPast({ time, config, store, fleet, log, signal }: PastOptions): Promise<Past> {
  const { to, path } = config.journal;
  if (to === "file" && path !== undefined)
    return { known: toKnown(await recallFrom(journalFiles(path), fleet, log, signal)) };
  if (to !== "store" || store === undefined) return { known: {} };
  const { beginSegment, appendJournal } = store;
  const journalStore = { beginSegment, appendJournal, epoch: undefined };
  // Where there are several gateways, one begins to read and write when it is to plan.
  if (config.replicas !== undefined) return { known: { journalStore } };
  const epoch = await lastEpoch(store);
  const reading = recallFrom(journalSegments(store), fleet, log, signal);
  const patience = new AbortController();
  const late = wait(time, patienceMs, patience.signal).then(() => "late" as const);
  const read = await Promise.race([reading, late]);
  patience.abort();
  if (read === "late") return { known: { journalStore }, late: { epoch, recall: reading } };
  return { known: { ...toKnown(read), journalStore: { ...journalStore, epoch } } };
}

function toKnown(recall: Recall | undefined): Past["known"] {
  return recall === undefined ? {} : { recall };
}

/** What another planner knew, for a gateway that is to plan in its place. Never rejects. */
export async function recallFrom(
  source: JournalSource,
  fleet: Fleet,
  log: Log,
  signal?: AbortSignal,
): Promise<Recall | undefined> {
  const startMs = performance.now();
  const { recalled, remarks } = await recollect(source);
  if (signal?.aborted) return undefined;
  for (const reason of remarks) log.warn("journal-unread", { reason });
  if (recalled === undefined) return undefined;
  const tookMs = Math.round(performance.now() - startMs);
  log.info("journal-recalled", { caches: recalled.caches.length, corrections: recalled.factors.length, tookMs });
  return { recalled, shown: (id) => showsResidents(fleet, id), keeps: (id) => mayKeep(fleet, id) };
}

/** A gateway that is the only one writes in the epoch of the one before it. */
async function lastEpoch({ listSegments }: JournalVerbs): Promise<number> {
  try {
    return (await listSegments()).at(-1)?.epoch ?? 1;
  } catch {
    // The journal itself will find out, and say so.
    return 1;
  }
}

function showsResidents({ members }: Fleet, id: string): boolean {
  return members.get(id)?.sight?.resident !== undefined;
}

/**
 * Engines of our own begin with us, and those that say what they cache are followed anew. One that counts and has never been asked
 * for a prefix was started since.
 */
function mayKeep({ members }: Fleet, id: string): boolean {
  const member = members.get(id);
  if (member?.sight === undefined || member.own !== undefined || member.config.kvEvents !== undefined) return false;
  return member.sight.prefixQueries !== 0;
}
