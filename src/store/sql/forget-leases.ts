/** Forgets leases that ran out long ago, those first that did so first. */

import type { Dialect, Verb } from "./statement.ts";

export function* forgetLeases({ nowMs }: Dialect, prefix: string, goneMs: number, limit: number): Verb<number> {
  const isOld = `expires_ms <= ${nowMs} - cast($2 as double precision)`;
  // Asked twice: one that is taken again just now stays.
  const gone = yield {
    text:
      "delete from fate_leases where name in (select name from fate_leases " +
      `where substr(name, 1, length(cast($1 as text))) = cast($1 as text) and ${isOld} ` +
      `order by expires_ms, name limit $3) and ${isOld} returning name`,
    values: [prefix, goneMs, limit],
  };
  return gone.length;
}
