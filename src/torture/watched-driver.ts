/** A live driver in a world, its journal held against the laws of wall time, and what waits in it against the bound. */

import { createChecker, lawsOfAnyRun } from "../check/check.ts";
import { shippedCalibration } from "../cost/shipped-calibration.ts";
import { createDriver, type LiveDriver } from "../gateway/live/create-driver.ts";
import type { QueueConfig } from "../gateway/config/config.ts";
import type { JournalHeader } from "../journal/journal.ts";
import type { JournalEvent } from "../model/event.ts";
import { StoreFault, type Store } from "../store/store.ts";
import { worldModels, type DrawnCluster } from "./draw-cluster.ts";
import type { Report } from "./laws/report.ts";
import { createWaits, type Waits } from "./laws/waits.ts";
import type { Machine } from "./machine.ts";
import type { ModelServer } from "./model-server.ts";
import type { Sabotage } from "./sabotage.ts";

export type DriverHost = {
  readonly machine: Machine;
  readonly seed: number;
  readonly policy: string;
  readonly drawn: DrawnCluster;
  readonly servers: ReadonlyMap<string, ModelServer>;
  /** Where its journal goes, if that is kept. */
  readonly journal: Store | undefined;
  readonly queue: QueueConfig;
  readonly acts: () => boolean;
  readonly report: Report;
  readonly tell: (what: string) => void;
  readonly sabotage: Sabotage;
};

export type WatchedDriver = {
  readonly driver: LiveDriver;
  readonly waits: Waits;
  /** Once nothing follows: what only the end of a journal shows. */
  readonly check: () => void;
};

/** What a stage may wait beyond the bound until somebody looks for it. */
const sweepSlackUs = 1_000_000;
/** So small that it is changed often. */
const segmentBytes = 60_000;

export function createWatchedDriver(host: DriverHost): WatchedDriver {
  const { machine, seed, policy, drawn, servers, queue, report, tell, sabotage } = host;
  const { cluster, loads } = drawn;
  const journaled = { seed, policy, cluster, models: worldModels, calibration: shippedCalibration };
  const header: JournalHeader = { kind: "journal", version: 1, workload: "live", clock: "wall", ...journaled };
  const checker = createChecker(header, lawsOfAnyRun);
  const waits = createWaits(report, machine.name, queue.giveUpMs * 1000 + sweepSlackUs);
  let records = 0;
  const see = (event: JournalEvent): void => {
    if (!machine.alive) return;
    tell(show(event));
    waits.see(event);
    // Segments that begin use up positions.
    const counted = { ...event, sequence: (records += 1) };
    const seen = sabotage.record === undefined ? counted : sabotage.record(counted);
    if (seen !== undefined) checker.see(seen);
  };
  const driver = createDriver({
    ...journaled,
    adapters: [...servers.values()].map((server) => server.adapter(machine, loads)),
    queue: { ...queue, giveUpMs: sabotage.giveUpMs ?? queue.giveUpMs },
    // In place: a thread would live in another time.
    planning: { inPlaceStages: 0, debounceMs: 1, deadlineMs: 1000 },
    journal: { maxBytes: segmentBytes, keep: 1 },
    ...(host.journal === undefined ? {} : { journalStore: toJournalStore(host.journal) }),
    time: machine.time,
    onEvent: see,
    acts: host.acts,
    onFault: (what, error) => {
      // A model that is not loaded, and a store that is away, are the world's mistakes.
      if (what !== "load" && !(error instanceof StoreFault))
        report("no-throw", `${machine.name}: ${what}: ${String(error)}`);
    },
  });
  const check = (): void => {
    for (const { law, sequence, message } of checker.end())
      report("journal", `${machine.name}: record ${sequence}: ${law}: ${message}`);
  };
  return { driver, waits, check };
}

/** Written by nobody until it is known what was written before. */
function toJournalStore({ beginSegment, appendJournal }: Store) {
  return { beginSegment, appendJournal, epoch: undefined };
}

function show(event: JournalEvent): string {
  const words: string[] = [event.kind];
  if ("stage" in event) words.push(typeof event.stage === "string" ? event.stage : event.stage.key);
  if ("engine" in event) words.push(event.engine);
  return words.join(" ");
}
