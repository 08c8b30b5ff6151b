/** Gives a lease back. Its row stays: the next holder's epoch goes on from it. */

import type { Dialect, Verb } from "./statement.ts";

export function* releaseLease({ nowMs }: Dialect, name: string, holder: string, epoch: number): Verb<void> {
  yield {
    text:
      `update fate_leases set expires_ms = ${nowMs} ` +
      `where name = $1 and holder = $2 and epoch = $3 and expires_ms > ${nowMs}`,
    values: [name, holder, epoch],
  };
}
