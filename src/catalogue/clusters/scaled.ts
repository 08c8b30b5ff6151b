/** Clusters of any size, for tests and for measuring speed. */

import { strict as assert } from "node:assert";
import type { Cluster, Host } from "../../model/cluster.ts";
import { gigabytes } from "../../model/units.ts";
import { assemble, devices, exclusiveEngine, host, linkAll } from "./parts.ts";

/** Two H100 on one host. */
export function tiny(): Cluster {
  return { ...scaleOver(2, ["h100-80g"]), id: "tiny" };
}

const enginesPerHost = 8;
const hostsPerRack = 16;

/**
 * `count` exclusive engines, eight to a host, hosts of four kinds in turn. Hosts of one rack of 16 are linked;
 * between racks there is a store, so that links grow with the engines and not with their square.
 */
export function scaleCluster(count: number): Cluster {
  return scaleOver(count, ["h200-141g", "h100-80g", "a100-80g", "l40s-48g"]);
}

/** How many times as fast as described: below 1 is slower. */
export type SpeedScale = {
  /** Reading weights; what is fixed of a load stays. */
  readonly load?: number;
  /** What leads from host to host: links and the store. Their latencies stay. */
  readonly links?: number;
};

/** The same cluster with other speeds of loading and of the ways between hosts, and with that in its id. */
export function scaleSpeeds(cluster: Cluster, { load = 1, links = 1 }: SpeedScale): Cluster {
  for (const factor of [load, links])
    assert(Number.isFinite(factor) && factor > 0, `a speed is scaled by a number above 0, not ${factor}`);
  const { store } = cluster;
  return {
    ...cluster,
    id: `${cluster.id}${load === 1 ? "" : `-load-x${load}`}${links === 1 ? "" : `-links-x${links}`}`,
    hosts: cluster.hosts.map((each) => ({ ...each, loadBytesPerSecond: each.loadBytesPerSecond * load })),
    links: cluster.links.map((link) => ({ ...link, bytesPerSecond: link.bytesPerSecond * links })),
    ...(store === undefined ? {} : { store: { ...store, bytesPerSecond: store.bytesPerSecond * links } }),
  };
}

function scaleOver(count: number, kinds: readonly string[]): Cluster {
  assert(Number.isInteger(count) && count > 0, `a cluster has at least one engine, not ${count}`);
  const hosts = Array.from({ length: Math.ceil(count / enginesPerHost) }, (_, index) =>
    host({ id: `host-${index}`, loadGBps: 12 }),
  );
  const cards = hosts.flatMap((each, index) => {
    const here = Math.min(enginesPerHost, count - index * enginesPerHost);
    return devices(each.id, kinds[index % kinds.length] ?? "", here);
  });
  return assemble({
    id: `scale-${count}`,
    hosts,
    devices: cards,
    links: racks(hosts).flatMap((rack) => linkAll(rack, 10, 50)),
    engines: cards.map((card) => exclusiveEngine({ id: card.id.replace("-gpu-", "-"), devices: [card.id] })),
    store: { bytesPerSecond: gigabytes(4), latencyUs: 20_000 },
  });
}

function racks(hosts: readonly Host[]): readonly (readonly Host[])[] {
  const count = Math.ceil(hosts.length / hostsPerRack);
  return Array.from({ length: count }, (_, index) => hosts.slice(index * hostsPerRack, (index + 1) * hostsPerRack));
}
