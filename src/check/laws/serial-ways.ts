import { routeId } from "../../model/cluster.ts";
import type { Law } from "../law.ts";

/** What shares a way goes one after another, in the order in which it was sent. */
export const serialWays: Law = {
  name: "serial-ways",
  claim:
    "a transfer waits until its way has passed everything given to it before, and no longer; a way is a link, or a host's way into the store, or for KV the sending engine's network interface; in a cluster without contention only KV waits",
  scope: "any",
  watch: ({ header, ledger, report }) => ({
    "transfer-start": (event) => {
      const way = routeId(event.via, event.from, event.to);
      const freeUs = header.cluster.contention === "none" ? 0 : (ledger.wayFreeUs.get(way) ?? 0);
      const waitUs = Math.max(0, freeUs - event.atUs);
      if (event.waitUs !== waitUs)
        report(`a transfer waits ${event.waitUs} us for ${way}, which is free in ${waitUs} us`);
    },
    "kv-transfer-start": (event) => {
      const waitUs = Math.max(0, (ledger.engine(event.engine)?.nicFreeUs ?? 0) - event.atUs);
      if (event.waitUs !== waitUs)
        report(`KV waits ${event.waitUs} us for ${event.engine}, which can send in ${waitUs} us`);
    },
  }),
};
