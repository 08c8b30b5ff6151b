/**
 * The machines: GPU kinds, hosts, devices, the links between hosts, zones, and the engines that serve models on them.
 * A link that is not listed does not exist; what two hosts cannot pass directly may still travel through the store.
 */

import type { ModelId } from "./model.ts";

export type GpuKindId = string;
export type HostId = string;
export type DeviceId = string;
export type ZoneId = string;
export type EngineId = string;

/** A kind of GPU by its data sheet. What of this a server reaches in practice is calibration. */
export type GpuKind = {
  readonly id: GpuKindId;
  readonly memoryBytes: number;
  readonly memoryBytesPerSecond: number;
  readonly bf16FlopsPerSecond: number;
  /** Absent where the hardware has no fast path: then bf16 speed applies. */
  readonly fp8FlopsPerSecond?: number;
  /** One direction, between the GPUs of one tensor-parallel group. */
  readonly peerBytesPerSecond: number;
};

export type Host = {
  readonly id: HostId;
  readonly zone?: ZoneId;
  /** Disk or host memory to device. */
  readonly loadBytesPerSecond: number;
  /** Fixed part of every load: process, graph capture, warm-up. */
  readonly loadLatencyUs: number;
  /** Between devices of this host. */
  readonly localBytesPerSecond: number;
  readonly localLatencyUs: number;
  /** Network interface towards other engines, for KV hand-off; serial per sender. */
  readonly nicBytesPerSecond: number;
};

export type Device = {
  readonly id: DeviceId;
  readonly host: HostId;
  readonly gpu: GpuKindId;
};

/** A directed connection between two hosts. */
export type Link = {
  readonly from: HostId;
  readonly to: HostId;
  readonly bytesPerSecond: number;
  readonly latencyUs: number;
};

/** A durable place that every host can write to and read from, slowly: the way between hosts without a link. */
export type Store = {
  readonly bytesPerSecond: number;
  readonly latencyUs: number;
};

/** A boundary that hosts can lie in. */
export type Zone = {
  readonly id: ZoneId;
  /** Models that may be loaded inside; absent means all. */
  readonly models?: readonly ModelId[];
  /** Outputs written inside may not be read outside. */
  readonly keepsOutputs: boolean;
};

export type EngineRole = "both" | "prefill" | "decode";

/** How an engine shares itself: one stage at a time, or many sequences in one batch. */
export type Batching =
  | { readonly kind: "exclusive"; readonly maxSequences: number }
  | {
      readonly kind: "batched";
      readonly maxSequences: number;
      /** Prompt tokens that one iteration may take in. */
      readonly prefillTokens: number;
      /** Split long prompts and mix them with decoding; otherwise prompts go in whole and decoding waits. */
      readonly chunkedPrefill: boolean;
      /** Prompts of one iteration take no longer than this, but for the first; absent: only `prefillTokens` bounds them. */
      readonly prefillUs?: number;
      /** `by-step`: takes from the queue only what the next iteration takes in, so that the queue's order counts until then; else all that KV memory has room for. */
      readonly admission?: "by-step";
      /** A batch per resident model, side by side, each as fast as if alone and with KV memory of its own; `maxSequences` bounds all together. Otherwise there is one batch, of one model at a time. */
      readonly mixesModels?: boolean;
    };

/** A serving process on one device or a tensor-parallel group. */
export type Engine = {
  readonly id: EngineId;
  /** All on one host and of one kind; more than one is a tensor-parallel group. */
  readonly devices: readonly DeviceId[];
  readonly role: EngineRole;
  readonly batching: Batching;
  /** Models it may hold; absent means every model that fits. */
  readonly models?: readonly ModelId[];
  /** Models resident when the run starts. */
  readonly resident: readonly ModelId[];
  /** How many models may be resident at once. */
  readonly maxResident: number;
  /** Share of device memory it may use for weights and KV together. */
  readonly memoryShare: number;
  /** KV memory set aside per resident model; absent means all that weights leave, which suits one resident model. */
  readonly kvBytes?: number;
  /** Upper bound of cached prefix tokens per model; absent means what KV memory leaves. */
  readonly prefixTokens?: number;
  readonly labels: readonly string[];
};

export type Cluster = {
  readonly id: string;
  readonly gpus: readonly GpuKind[];
  readonly hosts: readonly Host[];
  readonly devices: readonly Device[];
  readonly links: readonly Link[];
  readonly zones: readonly Zone[];
  readonly engines: readonly Engine[];
  readonly store?: Store;
  /** `serial`, also if absent: a way between hosts serves one transfer after another. `none`: all at once, each as if alone. */
  readonly contention?: "serial" | "none";
};

/** Whether several models run there side by side. */
export function mixesModels({ batching }: Pick<Engine, "batching">): boolean {
  return batching.kind === "batched" && batching.mixesModels === true;
}

/** Names the way from one host to another: each link is one way, and each host has one way into the store. */
export function routeId(via: "link" | "store", from: HostId, to: HostId): string {
  return via === "link" ? `${from}>${to}` : `store:${from}`;
}
