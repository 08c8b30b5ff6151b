/** Ways between hosts, and how long bytes take on them. */

import { routeId, type Cluster, type Host, type HostId } from "../model/cluster.ts";

export type Route = {
  /** Transfers with the same id share one way. */
  readonly id: string;
  readonly via: "link" | "store";
  readonly bytesPerSecond: number;
  readonly latencyUs: number;
  /** Serves one transfer after another; otherwise transfers do not hinder each other. */
  readonly serial: boolean;
};

export type Routes = (from: HostId, to: HostId) => Route | undefined;

/** A direct link if there is one, else the store if there is one, else nothing; and nothing out of a zone that keeps its outputs. */
export function createRoutes(cluster: Cluster): Routes {
  const hosts = new Map(cluster.hosts.map((host) => [host.id, host]));
  const links = new Map(cluster.links.map((link) => [`${link.from}>${link.to}`, link]));
  const closedZones = new Set(cluster.zones.filter((zone) => zone.keepsOutputs).map((zone) => zone.id));
  const serial = cluster.contention !== "none";
  const known = new Map<string, Route | undefined>();

  const find = (from: Host, to: Host, id: string): Route | undefined => {
    if (from.zone !== to.zone && from.zone !== undefined && closedZones.has(from.zone)) return undefined;
    const link = links.get(id);
    if (link !== undefined) {
      const { bytesPerSecond, latencyUs } = link;
      return { id, via: "link", bytesPerSecond, latencyUs, serial };
    }
    if (cluster.store === undefined) return undefined;
    return { id: routeId("store", from.id, to.id), via: "store", ...cluster.store, serial };
  };

  return (from, to) => {
    const id = `${from}>${to}`;
    if (known.has(id)) return known.get(id);
    const fromHost = hosts.get(from);
    const toHost = hosts.get(to);
    const route = fromHost === undefined || toHost === undefined ? undefined : find(fromHost, toHost, id);
    known.set(id, route);
    return route;
  };
}

/** Without waiting for the way to be free. */
export function transferUs(route: Pick<Route, "bytesPerSecond" | "latencyUs">, bytes: number): number {
  return Math.round(route.latencyUs + (bytes / route.bytesPerSecond) * 1e6);
}

/** Keys and values of `tokens` tokens, over the sender's network interface. */
export function kvTransferUs(sender: Host, kvBytesPerToken: number, tokens: number): number {
  return Math.round(sender.localLatencyUs + ((tokens * kvBytesPerToken) / sender.nicBytesPerSecond) * 1e6);
}
