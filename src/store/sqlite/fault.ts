/** What SQLite says went wrong, as a fault of the store. */

import { StoreFault } from "../store.ts";

/** By SQLite's primary result codes; whatever is not named is our mistake, and so is `broken`. */
const kinds: { readonly [code: number]: StoreFault["kind"] } = { 5: "unavailable", 6: "unavailable", 13: "full" };

export function toSqliteFault(error: unknown, path: string): StoreFault {
  if (error instanceof StoreFault) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { readonly errcode?: unknown }).errcode;
  const kind = typeof code === "number" ? (kinds[code & 0xff] ?? "broken") : "broken";
  return new StoreFault(kind, `${path}: ${message}`, { cause: error });
}

/** SQLite's code for a lock that somebody else holds. */
export function isBusy(error: unknown): boolean {
  const code = (error as { readonly errcode?: unknown } | undefined)?.errcode;
  return typeof code === "number" && (code & 0xff) === 5;
}
