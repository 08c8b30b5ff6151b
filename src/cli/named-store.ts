/** Which store a command looks at: a file, a database, or what the gateway's configuration says. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { loadConfig } from "../gateway/config/load-config.ts";
import type { KeptStore } from "../store/ask-by-verbs.ts";
import { openStore, type StoreOptions } from "../store/open-store.ts";
import type { Terminal } from "./terminal.ts";
import { UsageError } from "./usage-error.ts";

export const storeOptions = [
  { name: "store", kind: "text", shows: "FILE", summary: "an SQLite file; else the configuration's store" },
  { name: "database", kind: "flag", summary: "the Postgres database that DATABASE_URL names" },
  { name: "config", kind: "text", shows: "FILE", summary: "the gateway's configuration; fate.yaml here unless said" },
] as const;

type StoreValues = {
  readonly store: string | undefined;
  readonly database: boolean;
  readonly config: string | undefined;
};

export async function openNamedStore(
  values: StoreValues,
  { nowMs }: Terminal,
  mode: "to read" | "to write",
): Promise<KeptStore> {
  const readOnly = mode === "to read";
  if (readOnly && values.store !== undefined && !existsSync(values.store))
    throw new UsageError(`${values.store}: found no such file, expected the store of a gateway`);
  return openStore(await findStore(values), { env: process.env, nowMs, readOnly });
}

async function findStore({ store, database, config }: StoreValues): Promise<StoreOptions> {
  if ([store !== undefined, database, config !== undefined].filter(Boolean).length > 1)
    throw new UsageError("--store, --database and --config each name a store; give one of them");
  if (store !== undefined) return { kind: "sqlite", path: store, urlEnv: "" };
  if (database) return { kind: "postgres", path: "", urlEnv: "DATABASE_URL" };
  const load = { env: process.env, read: (path: string) => readFile(path, "utf8") };
  const { store: named } = await loadConfig({ ...load, ...(config === undefined ? {} : { path: config }) });
  if (named.kind === "memory")
    throw new UsageError("the configuration keeps nothing (store: { kind: memory }); name a store with --store");
  return named;
}
