/** Draws the engines of a world: a few on which calls run side by side or alone, which load models or not, some in roles. */

import { gpuKinds } from "../catalogue/gpus.ts";
import { knownModels } from "../catalogue/models.ts";
import type { Batching, Cluster, Engine, EngineRole } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";
import { gigabytes } from "../model/units.ts";
import type { Rng } from "../random/rng.ts";
import { embedModel, textModels } from "./draw-workflow.ts";

export const worldModels: readonly Model[] = knownModels.filter(
  ({ id }) => id === embedModel || textModels.some((model) => model === id),
);

export type DrawnCluster = { readonly cluster: Cluster; readonly loads: boolean };

export function drawCluster(rng: Rng): DrawnCluster {
  const count = 1 + rng.below(4);
  const loads = rng.below(3) === 0;
  const paired = count >= 3 && rng.below(3) === 0;
  const all = worldModels.map(({ id }) => id);
  const host = {
    id: "host",
    loadBytesPerSecond: gigabytes(100),
    loadLatencyUs: 100_000,
    localBytesPerSecond: gigabytes(20),
    localLatencyUs: 10,
    nicBytesPerSecond: gigabytes(20),
  };
  const engines = Array.from({ length: count }, (_, index): Engine => {
    const mostResident = loads ? 1 + rng.below(2) : all.length;
    return {
      id: `engine-${index}`,
      devices: [`gpu-${index}`],
      role: paired ? roleOf(index) : "both",
      batching: drawBatching(rng, paired),
      resident: loads ? all.slice(index % all.length, (index % all.length) + mostResident) : all,
      maxResident: mostResident,
      memoryShare: 0.95,
      kvBytes: gigabytes(4),
      labels: [],
    };
  });
  const devices = engines.map((_, index) => ({ id: `gpu-${index}`, host: "host", gpu: gpuId() }));
  const store = { bytesPerSecond: gigabytes(1), latencyUs: 200 };
  const cluster = { id: "torture", gpus: gpuKinds, hosts: [host], devices, links: [], zones: [], engines, store };
  return { cluster: { ...cluster, contention: "none" }, loads };
}

function roleOf(index: number): EngineRole {
  return index === 0 ? "prefill" : index === 1 ? "decode" : "both";
}

function drawBatching(rng: Rng, paired: boolean): Batching {
  if (!paired && rng.below(4) === 0) return { kind: "exclusive", maxSequences: 1 + rng.below(3) };
  const maxSequences = 1 + rng.below(5);
  return { kind: "batched", maxSequences, prefillTokens: 2048, chunkedPrefill: true, mixesModels: rng.below(2) === 0 };
}

function gpuId(): string {
  const kind = gpuKinds.find(({ id }) => id.startsWith("h100-"));
  if (kind === undefined) throw new Error("the catalogue has no h100");
  return kind.id;
}
