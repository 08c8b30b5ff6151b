/** Takes a lease that nobody else holds; says how it stands either way. */

import { StoreFault, type Lease } from "../store.ts";
import { toLease } from "./rows.ts";
import type { Dialect, Verb } from "./statement.ts";

/** Nothing removes a lease while anybody may want it, so one look at it is enough. */
export function* takeLease(
  { nowMs }: Dialect,
  name: string,
  holder: string,
  address: string,
  forMs: number,
): Verb<Lease> {
  const [taken] = yield {
    text:
      "insert into fate_leases (name, holder, address, epoch, expires_ms) " +
      `values ($1, $2, $3, 1, ${nowMs} + cast($4 as double precision)) ` +
      "on conflict (name) do update set holder = excluded.holder, address = excluded.address, " +
      "expires_ms = excluded.expires_ms, " +
      `epoch = fate_leases.epoch + case when fate_leases.expires_ms > ${nowMs} then 0 else 1 end ` +
      `where fate_leases.holder = excluded.holder or fate_leases.expires_ms <= ${nowMs} ` +
      `returning name, holder, address, epoch, expires_ms - ${nowMs} as left_ms`,
    values: [name, holder, address, forMs],
  };
  if (taken !== undefined) return toLease(taken);
  const [held] = yield {
    text: `select name, holder, address, epoch, expires_ms - ${nowMs} as left_ms from fate_leases where name = $1`,
    values: [name],
  };
  if (held === undefined) throw new StoreFault("unavailable", `lease ${name}: it was removed just now`);
  return toLease(held);
}
