import type { Cluster, HostId } from "../../model/cluster.ts";
import type { Law } from "../law.ts";

/** Outputs travel only where there is a way, and are there before they are read. */
export const reachability: Law = {
  name: "reachability",
  claim:
    "a transfer goes from a host that has the output to the host of its engine, over a link if there is one and else through the store, never out of a zone that keeps its outputs; when a prompt is taken in, every parent's output is on the host or with the caller; an output lies where the first share ran or where it was decoded",
  scope: "any",
  watch: ({ header, ledger, costs, report }) => {
    const wayOf = createWays(costs.cluster);
    return {
      "transfer-start": (event) => {
        const parent = ledger.stages.get(event.parent);
        const here = ledger.engine(event.engine)?.costs.host.id;
        const name = `the output of ${event.parent}`;
        if (event.to !== here) report(`${name} goes to ${event.to}, but ${event.engine} is on ${here ?? "no host"}`);
        if (parent !== undefined && !parent.hosts.includes(event.from)) report(`${name} does not lie on ${event.from}`);
        if (parent?.hosts.includes(event.to) === true) report(`${name} lies on ${event.to} already`);
        const way = wayOf(event.from, event.to);
        if (way !== event.via)
          report(`${name} goes from ${event.from} to ${event.to} by ${event.via}, the way is ${way}`);
      },
      "transfer-end": (event) => {
        const here = ledger.engine(event.engine)?.costs.host.id;
        if (event.to !== here) report(`the output of ${event.parent} arrives on ${event.to}, not on ${here}`);
      },
      "prefill-start": (event) => {
        const row = ledger.stages.get(event.stage);
        const here = ledger.engine(event.engine)?.costs.host.id;
        if (row === undefined || here === undefined) return;
        for (const { stage } of row.stage.parents) {
          const hosts = ledger.stages.get(stage)?.hosts ?? [];
          if (hosts.length > 0 && !hosts.includes(here))
            report(`${event.stage} is taken in on ${here} without the output of ${stage}`);
        }
      },
      "stage-end": (event) => {
        const row = ledger.stages.get(event.stage);
        if (row === undefined) return;
        const writer = row.place?.decodeEngine ?? row.place?.shares[0]?.engine;
        const host = writer === undefined ? undefined : ledger.engine(writer)?.costs.host.id;
        if (event.host !== host && !(header.clock === "wall" && event.host === undefined))
          report(`the output of ${event.stage} lies on ${event.host}, it was written on ${host}`);
      },
    };
  },
};

function createWays(cluster: Cluster): (from: HostId, to: HostId) => "link" | "store" | "none" {
  const zoneOf = new Map(cluster.hosts.map((host) => [host.id, host.zone]));
  const closed = new Set(cluster.zones.filter((zone) => zone.keepsOutputs).map((zone) => zone.id));
  const links = new Set(cluster.links.map((link) => `${link.from}>${link.to}`));
  return (from, to) => {
    const zone = zoneOf.get(from);
    if (zone !== undefined && closed.has(zone) && zoneOf.get(to) !== zone) return "none";
    if (links.has(`${from}>${to}`)) return "link";
    return cluster.store === undefined ? "none" : "store";
  };
}
