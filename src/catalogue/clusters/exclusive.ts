/** Clusters whose engines run one stage at a time and hold several models side by side: benchmarks A, B and D. */

import type { Cluster, Device, Engine, Host } from "../../model/cluster.ts";
import { gigabytes } from "../../model/units.ts";
import { assemble, devices, exclusiveEngine, host, linkAll, linkBoth } from "./parts.ts";

const rackLatencyUs = 50;
const roomLatencyUs = 200;
const slowStore = { bytesPerSecond: gigabytes(0.4), latencyUs: 20_000 };

/**
 * Four hosts with two devices each. H200 and H100 share a rack, A100 and L40S another; nothing leads from the first two
 * to the L40S but the store. Weights of 73 GB with 8 GB of KV fit on an H200 alone, those of 66 GB not on the L40S.
 */
export function hetero8(): Cluster {
  const hosts = [
    host({ id: "h200", loadGBps: 12 }),
    host({ id: "h100", loadGBps: 12 }),
    host({ id: "a100", loadGBps: 8 }),
    host({ id: "l40s", loadGBps: 8 }),
  ];
  const cards = [
    ...devices("h200", "h200-141g", 2),
    ...devices("h100", "h100-80g", 2),
    ...devices("a100", "a100-80g", 2),
    ...devices("l40s", "l40s-48g", 2),
  ];
  return assemble({
    id: "hetero-8",
    hosts,
    devices: cards,
    links: [
      ...linkBoth("h200", "h100", 10, rackLatencyUs),
      ...linkBoth("a100", "l40s", 10, rackLatencyUs),
      ...linkBoth("h200", "a100", 2.5, roomLatencyUs),
      ...linkBoth("h100", "a100", 2.5, roomLatencyUs),
    ],
    engines: cards.map(engineOn),
    store: slowStore,
  });
}

/** Four hosts with two A100 each. One pair serves as one engine, since the largest model asks for two such devices. */
export function a100x8(): Cluster {
  const hosts = ["a100-1", "a100-2", "a100-3", "a100-4"].map((id) => host({ id, loadGBps: 8 }));
  return pairedCluster("a100-8", hosts, () => "a100-80g");
}

/** Two hosts with two H100 each and two with two A100 each. The first pair of H100 serves as one engine. */
export function h100x4a100x4(): Cluster {
  const fast = ["h100-1", "h100-2"].map((id) => host({ id, loadGBps: 12 }));
  const slow = ["a100-1", "a100-2"].map((id) => host({ id, loadGBps: 8 }));
  return pairedCluster("h100-4-a100-4", [...fast, ...slow], (id) => (id.startsWith("h100") ? "h100-80g" : "a100-80g"));
}

function pairedCluster(id: string, hosts: readonly Host[], gpuOf: (host: string) => string): Cluster {
  const perHost = hosts.map((each) => devices(each.id, gpuOf(each.id), 2));
  const engines = perHost.flatMap((cards, index) => (index === 0 ? [engineOnAll(cards)] : cards.map(engineOn)));
  return assemble({
    id,
    hosts,
    devices: perHost.flat(),
    links: linkAll(hosts, 10, rackLatencyUs),
    engines,
    store: slowStore,
  });
}

/**
 * What a small team has: two RTX A6000 joined into one engine, two RTX 4090 apart, and one RTX 6000 Ada, on 10-gigabit
 * Ethernet. Weights come from local flash. Of the five models of `workshopModels` no engine holds all at once:
 * 65 GB fit on the pair alone, 29 GB on the pair and the Ada.
 */
export function workshop(): Cluster {
  const hosts = [
    host({ id: "den", loadGBps: 5, loadSeconds: 2, localGBps: 12, nicGBps: 1.25 }),
    host({ id: "desk", loadGBps: 3.5, loadSeconds: 2, localGBps: 12, nicGBps: 1.25 }),
    host({ id: "rack", loadGBps: 5, loadSeconds: 2, localGBps: 12, nicGBps: 1.25 }),
  ];
  const den = devices("den", "rtx-a6000-48g", 2);
  const desk = devices("desk", "rtx-4090-24g", 2);
  const rack = devices("rack", "rtx-6000-ada-48g", 1);
  const small = { maxResident: 2, kvBytes: 5e9 };
  return assemble({
    id: "workshop",
    hosts,
    devices: [...den, ...desk, ...rack],
    links: linkAll(hosts, 1.25, roomLatencyUs),
    engines: [
      { ...engineOnAll(den), maxResident: 3, kvBytes: 8e9 },
      ...desk.map((card) => ({ ...engineOn(card), ...small })),
      ...rack.map((card) => ({ ...engineOn(card), ...small, maxResident: 3 })),
    ],
  });
}

/** `h100-gpu-0` carries the engine `h100-0`. */
function engineOn(device: Device): Engine {
  return exclusiveEngine({ id: device.id.replace("-gpu-", "-"), devices: [device.id] });
}

/** All devices of a host as one tensor-parallel group, named after the host. */
function engineOnAll(cards: readonly Device[]): Engine {
  const [first] = cards;
  return exclusiveEngine({ id: `${first?.host}-pair`, devices: cards.map((card) => card.id), maxResident: 4 });
}
