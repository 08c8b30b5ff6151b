/** Lists leases by how their names begin. */

import type { Lease } from "../store.ts";
import { toLease } from "./rows.ts";
import type { Dialect, Verb } from "./statement.ts";

export function* listLeases({ nowMs }: Dialect, prefix: string): Verb<readonly Lease[]> {
  const rows = yield {
    text:
      `select name, holder, address, epoch, expires_ms - ${nowMs} as left_ms from fate_leases ` +
      "where substr(name, 1, length(cast($1 as text))) = cast($1 as text) order by name",
    values: [prefix],
  };
  return rows.map(toLease);
}
