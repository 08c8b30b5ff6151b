/** What Postgres or the way to it says went wrong, as a fault of the store. */

import { StoreFault } from "../store.ts";

/** SQLSTATE, or its first two letters as a class: the longer one counts. What is not named is our mistake. */
const kinds: { readonly [state: string]: StoreFault["kind"] } = {
  "08": "unavailable",
  "25": "unavailable",
  "28": "broken",
  "40": "unavailable",
  "53": "unavailable",
  "53100": "full",
  "55P03": "unavailable",
  "57": "unavailable",
  "58": "broken",
};

/** SQLSTATEs of transactions that got into each other's way and may be tried again. */
const clashes = new Set(["40001", "40P01"]);

export function toPostgresFault(error: unknown): StoreFault {
  if (error instanceof StoreFault) return error;
  const message = error instanceof Error ? error.message : String(error);
  const kind = hasState(error) ? (kinds[error.code] ?? kinds[error.code.slice(0, 2)] ?? "broken") : "unavailable";
  return new StoreFault(kind, `the Postgres database: ${message}`, { cause: error });
}

/** Something that a statement of its own did, so that the others of its transaction may still succeed without it. */
export function isOfOneStatement(error: unknown): boolean {
  return hasState(error) && (clashes.has(error.code) || /^(?:21|22|23|42|53100)/.test(error.code));
}

export function isClash(error: unknown): boolean {
  return hasState(error) && clashes.has(error.code);
}

/** What the server itself reports has a SQLSTATE; a lost or refused connection has another code, and a closed pool too. */
function hasState(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && error.name === "PostgresError" && "code" in error && typeof error.code === "string";
}
