/** The store in a Postgres database, which several gateways may share. Leases run by the database's clock. */

import { askByVerbs, type KeptStore } from "../ask-by-verbs.ts";
import { Lane } from "../lane.ts";
import type { VerbName } from "../sql/verbs.ts";
import { StoreFault } from "../store.ts";
import { eachAlone, inTransaction } from "./carry-out.ts";
import { Connection } from "./connection.ts";
import { migrate, seeTables } from "./migrate.ts";

export type PostgresOptions = {
  /** With the password in it: it stands in no message. */
  readonly url: string;
  /** Only looks at it: makes no tables. */
  readonly readOnly?: boolean;
  /** At most so many verbs share a commit. */
  readonly maxBatch?: number;
};

/** Verbs that must not wait for one another go by different connections. */
const lanes = ["runs", "journal", "leases", "reads"] as const;
type LaneName = (typeof lanes)[number];

const laneOf: { readonly [verb in VerbName]: LaneName } = {
  createRun: "runs",
  saveStage: "runs",
  endRun: "runs",
  takeUpRuns: "runs",
  beginSegment: "journal",
  appendJournal: "journal",
  pruneJournal: "journal",
  forgetRuns: "journal",
  takeLease: "leases",
  renewLease: "leases",
  releaseLease: "leases",
  forgetLeases: "leases",
  readRun: "reads",
  findRun: "reads",
  listRuns: "reads",
  listTakenUp: "reads",
  listSegments: "reads",
  readBlock: "reads",
  readSeals: "reads",
  listLeases: "reads",
};

const answerMs: { readonly [lane in LaneName]: number } = {
  runs: 10_000,
  journal: 30_000,
  // Who cannot renew in time has lost it anyway.
  leases: 2000,
  reads: 10_000,
};

export async function openPostgres({ url, readOnly = false, maxBatch }: PostgresOptions): Promise<KeptStore> {
  if (!isAddress(url))
    throw new StoreFault(
      "broken",
      "the address of the Postgres database: expected postgres://USER:PASSWORD@HOST/DATABASE, with % written as %25",
    );
  const connections = new Map(lanes.map((lane) => [lane, new Connection({ url, answerMs: answerMs[lane] })]));
  const closeConnections = async (): Promise<void> => {
    await Promise.allSettled([...connections.values()].map((connection) => connection[Symbol.asyncDispose]()));
  };
  const connectionOf = (lane: LaneName): Connection => connections.get(lane) as Connection;
  try {
    await (readOnly ? seeTables : migrate)(connectionOf("journal"));
  } catch (error) {
    await closeConnections();
    throw error;
  }
  const bound = maxBatch === undefined ? {} : { maxBatch };
  const byName: { readonly [lane in LaneName]: Lane } = {
    runs: new Lane({ carryOut: inTransaction(connectionOf("runs"), "read write", "mixed"), ...bound }),
    journal: new Lane({ carryOut: inTransaction(connectionOf("journal"), "read write", "one by one"), ...bound }),
    leases: new Lane({ carryOut: eachAlone(connectionOf("leases")), ...bound }),
    reads: new Lane({
      carryOut: inTransaction(connectionOf("reads"), "isolation level repeatable read read only", "mixed"),
      ...bound,
    }),
  };
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await Promise.all(lanes.map((lane) => byName[lane].close()));
    await closeConnections();
  };
  return {
    ...askByVerbs((order) => byName[laneOf[order.verb]].ask(order)),
    // The server looks after its own files.
    inspect: () => Promise.resolve([]),
    shrink: () => Promise.resolve(false),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

function isAddress(url: string): boolean {
  if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url)) return false;
  try {
    // As the driver takes it apart.
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}
