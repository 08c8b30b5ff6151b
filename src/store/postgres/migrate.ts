/** Makes the tables, or sees that they are the right ones. */

import { StoreFault } from "../store.ts";
import { findMismatch, migrationsOf, migrationTable } from "../sql/migrations.ts";
import { postgresDialect } from "../sql/statement.ts";
import type { Connection, Sql } from "./connection.ts";

/** Any number that other programs are unlikely to lock. */
const lockKey = 7_373_001;

/** Several gateways may start at once: one of them makes the tables, the others wait and find them made. */
export function migrate(connection: Connection): Promise<void> {
  return connection.transaction("read write", async (sql) => {
    await sql.unsafe("select pg_advisory_xact_lock($1)", [lockKey]);
    await sql.unsafe(migrationTable(postgresDialect));
    await applySteps(sql);
  });
}

/** Rejects if they are not there, or not the right ones. */
export async function seeTables(connection: Connection): Promise<void> {
  await connection.use((sql) => refuseMismatch(sql));
}

async function applySteps(sql: Sql): Promise<void> {
  const known = migrationsOf(postgresDialect);
  const applied = await refuseMismatch(sql);
  for (const { version, statements, checksum } of known.slice(applied)) {
    for (const statement of statements) await sql.unsafe(statement);
    await sql.unsafe("insert into fate_migrations (version, checksum) values ($1, $2)", [version, checksum]);
  }
}

/** How many steps are behind it. */
async function refuseMismatch(sql: Sql): Promise<number> {
  const applied = await sql.unsafe<{ version: number; checksum: string }[]>(
    "select version, checksum from fate_migrations order by version",
  );
  const mismatch = findMismatch(migrationsOf(postgresDialect), applied);
  if (mismatch !== undefined) throw new StoreFault("broken", `the Postgres database: ${mismatch}`);
  return applied.length;
}
