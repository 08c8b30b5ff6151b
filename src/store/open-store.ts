/** Opens the store that a configuration names. */

import type { KeptStore } from "./ask-by-verbs.ts";
import { createMemoryStore } from "./memory.ts";
import { openPostgres } from "./postgres/open-postgres.ts";
import { openSqlite } from "./sqlite/open-sqlite.ts";
import { StoreFault, type StoreKind } from "./store.ts";

export type StoreOptions = {
  readonly kind: StoreKind;
  /** Of the SQLite file. */
  readonly path: string;
  /** Environment variable that holds the address of the Postgres database. */
  readonly urlEnv: string;
};

export type StoreSurroundings = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By which leases run out, but for Postgres, which has its own clock: milliseconds that never go backwards. */
  readonly nowMs: () => number;
  /** Only looks at it, beside gateways that may have it open. */
  readonly readOnly?: boolean;
};

/** Rejects with a `StoreFault` that says what is wrong with it. */
export async function openStore(
  { kind, path, urlEnv }: StoreOptions,
  { env, nowMs, readOnly = false }: StoreSurroundings,
): Promise<KeptStore> {
  switch (kind) {
    case "memory":
      return createMemoryStore({ nowMs });
    case "sqlite":
      return await openSqlite({ path, nowMs, readOnly });
    case "postgres": {
      const url = env[urlEnv];
      if (!url)
        throw new StoreFault("broken", `store: the variable ${urlEnv} is not set, which holds the database's address`);
      return await openPostgres({ url, readOnly });
    }
    default:
      return kind satisfies never;
  }
}
