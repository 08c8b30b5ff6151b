/** The tables, step by step. A step that has been released is never changed: what follows is a further step. */

import { createHash } from "node:crypto";
import type { Dialect } from "./statement.ts";

export type Migration = {
  readonly version: number;
  readonly statements: readonly string[];
  /** Of the statements, so that a database whose steps were others is seen. */
  readonly checksum: string;
};

export function migrationsOf(dialect: Dialect): readonly Migration[] {
  return [firstTables, roomToChangeHands].map((step, index) => {
    const statements = step(dialect);
    return {
      version: index + 1,
      statements,
      checksum: createHash("sha256").update(statements.join(";\n")).digest("hex"),
    };
  });
}

export const migrationTable = ({ text, whole, strict }: Dialect): string =>
  `create table if not exists fate_migrations (version ${whole} primary key, checksum ${text} not null)${strict}`;

/** What stands against a database with these steps behind it; undefined if nothing does. */
export function findMismatch(
  known: readonly Migration[],
  applied: readonly { readonly version: number; readonly checksum: string }[],
): string | undefined {
  for (const [index, { version, checksum }] of applied.entries()) {
    const own = known[index];
    if (own === undefined)
      return `its tables are of version ${version}, this fate knows versions up to ${known.length}: use a newer fate`;
    if (own.version !== version || own.checksum !== checksum)
      return `step ${version} of its tables is not the one that this fate makes: it was made by another program`;
  }
  return undefined;
}

function firstTables({ text, whole, real, counter, strict }: Dialect): readonly string[] {
  return [
    `create table fate_runs (id ${text} primary key, tenant ${text} not null, created_ms ${whole} not null, ` +
      `status ${text} not null, ended_ms ${whole}, definition ${text} not null, error ${text}, run_key ${text}, ` +
      `body_hash ${text}, owner ${text} not null, generation ${whole} not null)${strict}`,
    "create unique index fate_runs_by_key on fate_runs (tenant, run_key)",
    "create index fate_runs_by_age on fate_runs (tenant, created_ms, id)",
    "create index fate_runs_open on fate_runs (created_ms, id) where status = 'running'",
    "create index fate_runs_over on fate_runs (ended_ms, id) where status <> 'running'",
    `create table fate_stages (position ${counter}, run ${text} not null references fate_runs (id) on delete cascade, ` +
      `stage ${text} not null, record ${text} not null, unique (run, stage))${strict}`,
    `create table fate_segments (segment ${counter}, epoch ${whole} not null, created_ms ${whole} not null, ` +
      `blocks ${whole} not null, bytes ${whole} not null, seal ${text} not null)${strict}`,
    `create table fate_blocks (segment ${whole} not null references fate_segments (segment) on delete cascade, ` +
      `position ${whole} not null, lines ${text} not null, seal ${text} not null, ` +
      `primary key (segment, position))${strict}`,
    `create table fate_leases (name ${text} primary key, holder ${text} not null, address ${text} not null, ` +
      `epoch ${whole} not null, expires_ms ${real} not null)${strict}`,
  ];
}

/** Whoever takes runs up changes all of them, and is waited for. */
function roomToChangeHands({ leaveRoom }: Dialect): readonly string[] {
  return leaveRoom("fate_runs");
}
