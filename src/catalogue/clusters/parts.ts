/** Pieces that the named clusters are put together from. */

import { strict as assert } from "node:assert";
import type { Cluster, Device, Engine, GpuKind, Host, Link } from "../../model/cluster.ts";
import { gigabytes, secondsToUs } from "../../model/units.ts";
import { gpuKinds } from "../gpus.ts";

export type HostSpec = {
  readonly id: string;
  readonly loadGBps: number;
  readonly loadSeconds?: number;
  /** Between devices of the host; 20 unless said. */
  readonly localGBps?: number;
  /** Towards other engines, for KV hand-off; 20 unless said. */
  readonly nicGBps?: number;
};

export function host({ id, loadGBps, loadSeconds = 0.8, localGBps = 20, nicGBps = 20 }: HostSpec): Host {
  return {
    id,
    loadBytesPerSecond: gigabytes(loadGBps),
    loadLatencyUs: secondsToUs(loadSeconds),
    localBytesPerSecond: gigabytes(localGBps),
    localLatencyUs: 20,
    nicBytesPerSecond: gigabytes(nicGBps),
  };
}

/** `count` devices of one kind on one host: `h100-1-gpu-0` and so on. */
export function devices(hostId: string, gpu: string, count: number): readonly Device[] {
  return Array.from({ length: count }, (_, index) => ({ id: `${hostId}-gpu-${index}`, host: hostId, gpu }));
}

/** Both ways between two hosts. */
export function linkBoth(left: string, right: string, gigabytesPerSecond: number, latencyUs: number): readonly Link[] {
  const way = { bytesPerSecond: gigabytes(gigabytesPerSecond), latencyUs };
  return [
    { from: left, to: right, ...way },
    { from: right, to: left, ...way },
  ];
}

/** Every host with every other. O(hosts squared). */
export function linkAll(hosts: readonly Host[], gigabytesPerSecond: number, latencyUs: number): readonly Link[] {
  return hosts.flatMap((left, index) =>
    hosts.slice(index + 1).flatMap((right) => linkBoth(left.id, right.id, gigabytesPerSecond, latencyUs)),
  );
}

type EngineSpec = Pick<Engine, "id" | "devices"> & Partial<Engine>;

/** One stage at a time, and several models resident side by side. */
export function exclusiveEngine(spec: EngineSpec): Engine {
  return {
    role: "both",
    batching: { kind: "exclusive", maxSequences: 16 },
    resident: [],
    maxResident: 4,
    memoryShare: 0.9,
    kvBytes: 8e9,
    labels: [],
    ...spec,
  };
}

/** One model, many sequences. */
export function batchedEngine(spec: EngineSpec): Engine {
  return {
    role: "both",
    batching: { kind: "batched", maxSequences: 256, prefillTokens: 8192, chunkedPrefill: true },
    resident: [],
    maxResident: 1,
    memoryShare: 0.9,
    labels: [],
    ...spec,
  };
}

/** The cluster with the data sheets of the kinds it uses. */
export function assemble(parts: Omit<Cluster, "gpus" | "zones">): Cluster {
  const kinds = [...new Set(parts.devices.map((device) => device.gpu))];
  return { ...parts, gpus: kinds.map(gpuKind), zones: [] };
}

function gpuKind(id: string): GpuKind {
  const kind = gpuKinds.find((known) => known.id === id);
  assert(kind !== undefined, `no data sheet of GPU kind ${id}`);
  return kind;
}
