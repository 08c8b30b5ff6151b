/** Opens the SQLite file: alone, with its tables, and with no lease of an earlier process left. */

import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ownerPrefix } from "../lease-names.ts";
import { StoreFault } from "../store.ts";
import { findMismatch, migrationsOf, migrationTable } from "../sql/migrations.ts";
import { sqliteDialect } from "../sql/statement.ts";
import { isBusy } from "./fault.ts";

export type OpenFile = { readonly db: DatabaseSync; readonly close: () => void };

/** A process that has just been told to end may take so long to let go of the file. */
const lockWaitMs = 500;
/** Others only read, and in WAL mode that blocks nobody but for moments. */
const busyMs = 5000;

export function openFile(path: string, nowMs: () => number): OpenFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const lock = takeLock(path);
  let db: DatabaseSync | undefined;
  try {
    keepToOwner(path);
    db = new DatabaseSync(path, { timeout: busyMs, enableForeignKeyConstraints: true });
    // Only while there are no tables yet can SQLite be told to keep track of free pages.
    db.exec("pragma auto_vacuum = incremental; pragma journal_mode = wal; pragma synchronous = full");
    db.exec(`pragma journal_size_limit = ${64 * 2 ** 20}; pragma cache_size = -32000`);
    db.function("now_ms", { directOnly: true }, nowMs);
    migrate(db, path);
    // One process at a time: whoever held a lease is gone.
    db.prepare("delete from fate_leases where instr(name, ?) = 1").run(ownerPrefix);
    db.exec("update fate_leases set expires_ms = -1");
  } catch (error) {
    db?.close();
    lock.close();
    throw error;
  }
  const opened = db;
  return {
    db,
    close: () => {
      opened.close();
      lock.close();
    },
  };
}

/** Prompts and answers stand in it. What SQLite lays beside a file has the file's own permissions; one that is there keeps those that it has. */
function keepToOwner(path: string): void {
  closeSync(openSync(path, "a", 0o600));
}

/** For looking at it while a gateway may have it open. */
export function openFileToRead(path: string): OpenFile {
  if (!existsSync(path)) throw new StoreFault("broken", `${path}: no such file`);
  const db = new DatabaseSync(path, { readOnly: true, timeout: busyMs });
  try {
    db.function("now_ms", () => 0);
    refuseMismatch(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
  return { db, close: () => db.close() };
}

/**
 * A second, empty database held in a transaction that shuts everyone else out. The lock is the operating system's and goes with the
 * process, however that ends; the file itself stays readable to others, which a lock on it would prevent.
 */
function takeLock(path: string): DatabaseSync {
  const lock = new DatabaseSync(`${path}-lock`, { timeout: lockWaitMs });
  try {
    lock.exec("begin exclusive");
    return lock;
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw error;
    throw new StoreFault(
      "unavailable",
      `${path}: another process has it open; one gateway at a time, or store: { kind: postgres } for several`,
    );
  }
}

function migrate(db: DatabaseSync, path: string): void {
  const known = migrationsOf(sqliteDialect);
  db.exec(migrationTable(sqliteDialect));
  const applied = refuseMismatch(db, path);
  for (const { version, statements, checksum } of known.slice(applied)) {
    db.exec("begin immediate");
    try {
      for (const statement of statements) db.exec(statement);
      db.prepare("insert into fate_migrations (version, checksum) values (?, ?)").run(version, checksum);
      db.exec("commit");
    } catch (error) {
      if (db.isTransaction) db.exec("rollback");
      throw error;
    }
  }
}

/** How many steps are behind it. */
function refuseMismatch(db: DatabaseSync, path: string): number {
  const rows = db.prepare("select version, checksum from fate_migrations order by version").all();
  const applied = rows.map(({ version, checksum }) => ({ version: Number(version), checksum: String(checksum) }));
  const mismatch = findMismatch(migrationsOf(sqliteDialect), applied);
  if (mismatch !== undefined) throw new StoreFault("broken", `${path}: ${mismatch}`);
  return applied.length;
}
