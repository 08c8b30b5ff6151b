/** What an emulated engine is told, and the same with every default filled in and its costs worked out. */

import { gpuKinds, withoutMemory } from "../catalogue/gpus.ts";
import type { Calibration } from "../cost/calibration.ts";
import { createCostModel, type EngineCosts } from "../cost/cost-model.ts";
import { shippedCalibration } from "../cost/shipped-calibration.ts";
import type { Cluster, EngineRole } from "../model/cluster.ts";
import type { Model, ModelId } from "../model/model.ts";
import { wallClock, type Clock } from "./clock.ts";
import type { Fault } from "./faults.ts";
import type { KvEventsOptions } from "./kv-publisher.ts";

export type SurfaceName = "all" | "vllm" | "ollama";

export type EngineOptions = {
  readonly id?: string;
  /** What it can serve. Each must fit into its memory. */
  readonly models: readonly Model[];
  /** Other names that a model answers to. */
  readonly names?: Readonly<Record<ModelId, readonly string[]>>;
  /** A GPU kind of the catalogue; a part of its name will do, such as `h100` or `4090`. */
  readonly gpu?: string;
  /** How many of it, as one tensor-parallel group. */
  readonly gpus?: number;
  readonly role?: EngineRole;
  readonly maxSequences?: number;
  readonly maxResident?: number;
  readonly memoryShare?: number;
  /** KV memory set aside per resident model; absent: all that weights leave, or 8 GB with several resident models. */
  readonly kvBytes?: number;
  /** In memory from the start; absent: the first models, as many as may be resident. */
  readonly resident?: readonly ModelId[];
  readonly loadBytesPerSecond?: number;
  readonly loadLatencyUs?: number;
  /** Of the network interface, for KV that another engine decodes from. */
  readonly nicBytesPerSecond?: number;
  /** How many times faster than real; `Infinity` waits for nothing. */
  readonly speed?: number;
  readonly seed?: number;
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port?: number;
  readonly surface?: SurfaceName;
  readonly kvEvents?: KvEventsOptions;
  /** Standing faults from the start. */
  readonly faults?: readonly Fault[];
  readonly clock?: Clock;
  readonly calibration?: Calibration;
  /** Prompt tokens that one iteration may take in. */
  readonly prefillTokens?: number;
  readonly blockTokens?: number;
  /** Longest prompt and answer together; absent: what KV memory holds. */
  readonly contextTokens?: number;
  /** Calls that may wait; one more is answered 503. */
  readonly maxWaiting?: number;
};

export type Settings = {
  readonly id: string;
  readonly gpu: string;
  readonly role: EngineRole;
  readonly costs: EngineCosts;
  readonly models: readonly Model[];
  /** Every name, the model's id among them. */
  readonly names: ReadonlyMap<string, ModelId>;
  readonly resident: readonly ModelId[];
  readonly speed: number;
  readonly seed: number;
  readonly host: string;
  readonly port: number;
  readonly surface: SurfaceName;
  readonly kvEvents: KvEventsOptions | undefined;
  readonly faults: readonly Fault[];
  readonly clock: Clock;
  readonly prefillTokens: number;
  readonly blockTokens: number;
  readonly contextTokens: number;
  readonly maxWaiting: number;
};

export function toSettings(options: EngineOptions): Settings {
  const { models, id = "engine", seed = 1, speed = 1, role = "both", surface = "all" } = options;
  if (models.length === 0) throw new RangeError(`engine ${id}: found none, expected at least one model`);
  if (!(speed > 0)) throw new RangeError(`speed: found ${speed}, expected a number above 0`);
  const gpu = findGpu(options.gpu ?? "h100-80g");
  const cluster = toCluster(id, gpu, role, options);
  const costs = createCostModel(cluster, models, options.calibration ?? shippedCalibration).engine(id);
  for (const model of models) {
    if (costs.models.has(model.id)) continue;
    const count = costs.engine.devices.length;
    throw new RangeError(
      `model ${model.id} does not fit on ${count} x ${gpu}; take more or larger GPUs, or less KV memory`,
    );
  }
  return {
    id,
    gpu,
    role,
    costs,
    models,
    names: new Map(
      models.flatMap(({ id: model }) => [model, ...(options.names?.[model] ?? [])].map((name) => [name, model])),
    ),
    resident: pickResident(costs, options.resident ?? models.map((model) => model.id), options.resident !== undefined),
    speed,
    seed,
    host: options.host ?? "127.0.0.1",
    port: options.port ?? 0,
    surface,
    kvEvents: options.kvEvents,
    faults: options.faults ?? [],
    clock: options.clock ?? wallClock,
    prefillTokens: options.prefillTokens ?? 8192,
    blockTokens: options.blockTokens ?? 16,
    contextTokens: options.contextTokens ?? Infinity,
    maxWaiting: options.maxWaiting ?? 4096,
  };
}

/**
 * The kind of this name, or the one that is called so without its memory, or has it as its beginning or as a word in it: `h100` is
 * `h100-80g`, `4090` `rtx-4090-24g`.
 */
function findGpu(name: string): string {
  const wanted = name.trim().toLowerCase();
  const ids = gpuKinds.map(({ id }) => id);
  const ways: readonly ((id: string) => boolean)[] = [
    (id) => id === wanted,
    (id) => withoutMemory(id) === wanted,
    (id) => id.startsWith(`${wanted}-`),
    (id) => id.includes(`-${wanted}-`),
    (id) => id.startsWith(wanted),
  ];
  const found = wanted === "" ? [] : (ways.map((fits) => ids.filter(fits)).find(({ length }) => length > 0) ?? []);
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  const several = only === undefined ? "" : `, which could be ${found.length} GPUs`;
  const known = only === undefined ? ids : found;
  throw new RangeError(`gpu: found ${JSON.stringify(name)}${several}, expected one of ${known.join(", ")}`);
}

/** One host with one engine. */
function toCluster(id: string, gpu: string, role: EngineRole, options: EngineOptions): Cluster {
  const { models, gpus = 1, maxSequences = 64, maxResident = 1, memoryShare = 0.9 } = options;
  const kind = gpuKinds.filter((each) => each.id === gpu);
  const devices = Array.from({ length: gpus }, (_, index) => ({ id: `${id}/${index}`, host: id, gpu }));
  const memoryBytes = Math.floor((kind[0]?.memoryBytes ?? 0) * gpus * memoryShare);
  const kvBytes = options.kvBytes ?? (maxResident > 1 ? sharedKvBytes(models, memoryBytes) : undefined);
  return {
    id,
    gpus: kind,
    hosts: [
      {
        id,
        loadBytesPerSecond: options.loadBytesPerSecond ?? 8e9,
        loadLatencyUs: options.loadLatencyUs ?? 800_000,
        localBytesPerSecond: 20e9,
        localLatencyUs: 0,
        nicBytesPerSecond: options.nicBytesPerSecond ?? 20e9,
      },
    ],
    devices,
    links: [],
    zones: [],
    engines: [
      {
        id,
        devices: devices.map((device) => device.id),
        role,
        batching: {
          kind: "batched",
          maxSequences,
          prefillTokens: options.prefillTokens ?? 8192,
          chunkedPrefill: true,
        },
        resident: [],
        maxResident,
        memoryShare,
        ...(kvBytes === undefined ? {} : { kvBytes }),
        labels: [],
      },
    ],
  };
}

/** 8 GB, or what the largest model leaves. */
function sharedKvBytes(models: readonly Model[], memoryBytes: number): number {
  const largestBytes = Math.max(...models.map((model) => model.weightBytes));
  return Math.max(0, Math.min(8e9, memoryBytes - largestBytes));
}

/** As many as fit, in order. Asked for by name, all must. */
function pickResident(costs: EngineCosts, wanted: readonly ModelId[], all: boolean): readonly ModelId[] {
  let freeBytes = costs.memoryBytes;
  const resident: ModelId[] = [];
  for (const id of wanted) {
    const held = costs.models.get(id);
    const fits = held !== undefined && held.footprintBytes <= freeBytes && resident.length < costs.engine.maxResident;
    if (fits) {
      resident.push(id);
      freeBytes -= held.footprintBytes;
    } else if (all) {
      throw new RangeError(
        `resident: ${id} ${held === undefined ? "is none of the models" : "does not fit beside the others"}`,
      );
    }
  }
  return resident;
}
