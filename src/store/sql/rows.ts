/** From rows of the database to what the verbs speak of. */

import type { Lease, RunRow, RunStatus, SegmentRow, StoredRun } from "../store.ts";
import type { Dialect, Row, Verb } from "./statement.ts";

export const runColumns =
  "id, tenant, created_ms, status, ended_ms, definition, error, run_key, body_hash, owner, generation";

export function toRun(row: Row): RunRow {
  const { ended_ms: endedMs, error, run_key: key, body_hash: bodyHash } = row;
  return {
    id: textOf(row, "id"),
    tenant: textOf(row, "tenant"),
    createdMs: numberOf(row, "created_ms"),
    status: textOf(row, "status") as RunStatus,
    ...(typeof endedMs === "number" ? { endedMs } : {}),
    definition: textOf(row, "definition"),
    ...(typeof error === "string" ? { error } : {}),
    ...(typeof key === "string" ? { key } : {}),
    ...(typeof bodyHash === "string" ? { bodyHash } : {}),
    owner: textOf(row, "owner"),
    generation: numberOf(row, "generation"),
  };
}

/** With what their stages came to, each in the order in which it was saved. */
export function* withStages(runs: readonly RunRow[], { listed }: Dialect): Verb<readonly StoredRun[]> {
  if (runs.length === 0) return [];
  const rows = yield {
    text: `select run, stage, record from fate_stages where run in ${listed} order by position`,
    values: [JSON.stringify(runs.map(({ id }) => id))],
  };
  const byRun = Map.groupBy(rows, (row) => textOf(row, "run"));
  return runs.map((run) => ({
    ...run,
    stages: (byRun.get(run.id) ?? []).map((row) => ({ stage: textOf(row, "stage"), record: textOf(row, "record") })),
  }));
}

export function toSegment(row: Row): SegmentRow {
  return {
    segment: numberOf(row, "segment"),
    epoch: numberOf(row, "epoch"),
    createdMs: numberOf(row, "created_ms"),
    blocks: numberOf(row, "blocks"),
    bytes: numberOf(row, "bytes"),
  };
}

export function toLease(row: Row): Lease {
  return {
    name: textOf(row, "name"),
    holder: textOf(row, "holder"),
    address: textOf(row, "address"),
    epoch: numberOf(row, "epoch"),
    leftMs: numberOf(row, "left_ms"),
  };
}

export function numberOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw new TypeError(`column ${column}: found ${typeof value}, expected a number`);
  return value;
}

export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`column ${column}: found ${typeof value}, expected text`);
  return value;
}
