/** Prolongs a lease that is still its holder's. */

import type { Dialect, Verb } from "./statement.ts";

export function* renewLease(
  { nowMs }: Dialect,
  name: string,
  holder: string,
  epoch: number,
  forMs: number,
): Verb<boolean> {
  const renewed = yield {
    text:
      `update fate_leases set expires_ms = ${nowMs} + cast($4 as double precision) ` +
      `where name = $1 and holder = $2 and epoch = $3 and expires_ms > ${nowMs} returning name`,
    values: [name, holder, epoch, forMs],
  };
  return renewed.length > 0;
}
