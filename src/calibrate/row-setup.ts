/** What a measured row ran on, as the cost model and the replay want it; or why it cannot be modelled. */

import { gpuKinds } from "../catalogue/gpus.ts";
import { findReleased } from "../catalogue/models.ts";
import type { Calibration } from "../cost/calibration.ts";
import { createRates, kvCopies } from "../cost/roofline.ts";
import type { Engine, GpuKind } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";
import type { MeasuredRow, ProtocolKind } from "./measured-rows.ts";
import { replay, type Protocol } from "./replay.ts";

export type RowSetup = {
  readonly row: MeasuredRow;
  readonly gpu: GpuKind;
  readonly model: Model;
  readonly engine: Engine;
  readonly protocol: Protocol;
};

export type Modelled = { readonly firstTokenMs: number; readonly perTokenMs: number };

/** Fixed, not fitted: what the measurements leave unsaid. */
const assumed = {
  /** Prompts per client. */
  rounds: 10,
  /** From a client to the engine's queue: HTTP, tokeniser. */
  requestUs: 4_000,
  /** Share of device memory that the server may use, its default. */
  memoryShare: 0.9,
  /** Per GPU of that, for activations, graphs and communication: `other_mem` and `nccl_mem` of aiconfigurator's systems. */
  reservedBytes: 4.17e9,
} as const;

const shapes: Readonly<Record<ProtocolKind, Pick<Protocol, "leastLengthShare" | "iterationTokens">>> = {
  spread: { leastLengthShare: 0.8, iterationTokens: 8192 },
  fixed: { leastLengthShare: 1, iterationTokens: 2048 },
  node: { leastLengthShare: 0.8, iterationTokens: 2048 },
};

const systems: Readonly<Record<string, string>> = {
  a100: "a100-80g",
  h100: "h100-80g",
  h200: "h200-141g",
  b200: "b200-180g",
  gb200: "gb200-186g",
  l40s: "l40s-48g",
  l4: "l4-24g",
  a10g: "a10g-24g",
  rtx4090: "rtx-4090-24g",
};

export function setUpRow(row: MeasuredRow): RowSetup | { readonly row: MeasuredRow; readonly reason: string } {
  const gpu = gpuKinds.find(({ id }) => id === (systems[row.system.replace(/_sxm$|_pcie$/, "")] ?? row.system));
  if (gpu === undefined) return { row, reason: `no data sheet of ${row.system}` };
  const model = findReleased(row.modelPath, row.gemmType, row.expertType);
  if (model === undefined) return { row, reason: `no configuration of ${row.modelPath}` };
  if (row.mode !== "" && row.mode !== "agg") return { row, reason: `mode ${row.mode} is not one engine` };
  if (row.pipelineParallel > 1) return { row, reason: "pipeline parallelism is not modelled" };
  // Attention that is parallel over data is taken as if it were parallel over heads: the same GPUs share all work.
  const group = row.tensorParallel * row.dataParallel;
  const usableBytes = (gpu.memoryBytes * assumed.memoryShare - assumed.reservedBytes) * group - model.weightBytes;
  const kvCapacityTokens = Math.floor(usableBytes / (model.kvBytesPerToken * kvCopies(model, group)));
  if (kvCapacityTokens < row.promptTokens + row.outputTokens) {
    return { row, reason: `weights of ${model.id} leave ${group} x ${gpu.id} no room for one request` };
  }
  const protocol: Protocol = {
    ...shapes[row.protocol],
    concurrency: row.concurrency,
    requests: row.concurrency * assumed.rounds,
    promptTokens: row.promptTokens,
    outputTokens: row.outputTokens,
    kvCapacityTokens,
    requestUs: assumed.requestUs,
    seed: 1,
  };
  return { row, gpu, model, engine: createGroup(group), protocol };
}

export function modelRow(setup: RowSetup, calibration: Calibration): Modelled {
  const rates = createRates(setup.engine, setup.gpu, setup.model, calibration);
  const { firstTokenUs, perTokenUs } = replay(rates, setup.protocol);
  return { firstTokenMs: firstTokenUs / 1e3, perTokenMs: perTokenUs / 1e3 };
}

/** A tensor-parallel group as an engine, where nothing else of the engine matters. */
export function createGroup(size: number): Engine {
  return {
    id: "measured",
    devices: Array.from({ length: size }, (_, index) => `gpu-${index}`),
    role: "both",
    batching: { kind: "batched", maxSequences: 4096, prefillTokens: 8192, chunkedPrefill: true },
    resident: [],
    maxResident: 1,
    memoryShare: assumed.memoryShare,
    labels: [],
  };
}
