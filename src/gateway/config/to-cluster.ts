/**
 * From the configuration to what the scheduler plans with: machines, engines and models with their costs. What servers have
 * shown of themselves goes before what the file says, and that before what is usual; what is assumed is told.
 */

import type { Cluster, Device, Engine, EngineId, GpuKind, Host } from "../../model/cluster.ts";
import type { Model, ModelId } from "../../model/model.ts";
import type { Sight } from "../adapter/adapter.ts";
import type { Config, EngineConfig, EngineKind, HostConfig } from "./config.ts";
import { planMemory, type ServedModel } from "./engine-memory.ts";
import { defaultModel } from "./fill-in.ts";
import { gpuOf } from "./gpu-of.ts";
import { holdsAll } from "./holds-all.ts";
import { toModelOf, unknownModels } from "./guess-model.ts";

export type ClusterAndModels = {
  readonly cluster: Cluster;
  readonly models: readonly Model[];
  /** What the file does not say and was taken for granted, as sentences, each once. */
  readonly assumptions: readonly string[];
};

export function toCluster(config: Config, sights: ReadonlyMap<EngineId, Sight> = new Map()): ClusterAndModels {
  const assumptions = new Set<string>();
  const known = toModels(config, sights, assumptions);
  const engines = config.engines.map((engine) => describeEngine(engine, sights.get(engine.id), known, assumptions));
  const gpus = new Map(engines.map(({ gpu }) => [gpu.id, gpu]));
  return {
    cluster: {
      id: "gateway",
      gpus: [...gpus.values()],
      hosts: config.hosts.map(toHost),
      devices: engines.flatMap(({ devices }) => devices),
      links: [],
      zones: [],
      engines: engines.map(({ engine }) => engine),
      // Outputs go from engine to engine through the gateway, as text, which hinders nobody.
      store: { bytesPerSecond: 1e9, latencyUs: 200 },
      contention: "none",
    },
    models: [...known.values()].map(({ model }) => model),
    assumptions: [...assumptions],
  };
}

type Known = ReadonlyMap<ModelId, ServedModel>;

/** Models of the configuration, then those that servers say they have. */
function toModels(config: Config, sights: ReadonlyMap<EngineId, Sight>, assumptions: Set<string>): Known {
  const byId = new Map(config.models.map((model) => [model.id, model]));
  for (const engine of config.engines)
    for (const id of servedBy(engine, sights.get(engine.id))) if (!byId.has(id)) byId.set(id, defaultModel(id));
  const known = new Map<ModelId, ServedModel>();
  const unknown: ModelId[] = [];
  for (const [id, described] of byId) {
    const { model, assumption, isUnknown } = toModelOf(described);
    if (assumption !== undefined) assumptions.add(assumption);
    if (isUnknown === true) unknown.push(id);
    known.set(id, { model, contextTokens: described.contextTokens });
  }
  if (unknown.length > 0) assumptions.add(unknownModels(unknown));
  return known;
}

/** What the file allows; where it allows everything, what the server shows. */
function servedBy(engine: EngineConfig, sight: Sight | undefined): readonly ModelId[] {
  if (engine.models.length > 0) return engine.models.map(({ id }) => id);
  return [...new Set([...(sight?.models ?? []), ...(sight?.resident ?? []), ...engine.resident])];
}

type Described = { readonly engine: Engine; readonly gpu: GpuKind; readonly devices: readonly Device[] };

function describeEngine(
  config: EngineConfig,
  sight: Sight | undefined,
  known: Known,
  assumptions: Set<string>,
): Described {
  const { gpu: sheet, assumption } = gpuOf(config);
  if (assumption !== undefined) assumptions.add(assumption);
  const served = servedBy(config, sight).flatMap((id) => known.get(id) ?? []);
  const ids = new Set(served.map(({ model }) => model.id));
  const mixesModels = holdsAll(config, ids.size);
  const shown = mixesModels ? [...ids] : (sight?.resident ?? config.resident).filter((id) => ids.has(id));
  const maxResident = mixesModels ? Math.max(1, ids.size) : mostResident(config, shown.length);
  const resident = shown.slice(0, maxResident);
  const told = toldBy(sight, served, resident);
  const memory = planMemory({
    engine: config,
    gpu: sheet,
    served,
    resident,
    maxResident,
    mixesModels,
    ...(told === undefined ? {} : { told }),
  });
  for (const each of memory.assumptions) assumptions.add(each);
  const devices = Array.from({ length: config.gpus }, (_, index) => ({
    id: `${config.id}/${index}`,
    host: config.host,
    gpu: memory.gpu.id,
  }));
  return {
    gpu: memory.gpu,
    devices,
    engine: {
      id: config.id,
      devices: devices.map(({ id }) => id),
      role: config.role,
      batching: toBatching(config, mixesModels),
      models: memory.models,
      resident: memory.resident,
      maxResident,
      memoryShare: config.memoryShare,
      ...(memory.kvBytes === undefined ? {} : { kvBytes: memory.kvBytes }),
      labels: config.labels,
    },
  };
}

/** A server that holds more than it was said to may hold so many. One that the gateway emulates holds what it is said to. */
function mostResident({ kind, url, maxResident }: EngineConfig, shown: number): number {
  return kind === "emulated" && url === undefined ? maxResident : Math.max(maxResident, shown);
}

/** The figure is that of the model that is awake; without one, of the first that is served. */
function toldBy(
  sight: Sight | undefined,
  served: readonly ServedModel[],
  resident: readonly ModelId[],
): { readonly tokens: number; readonly model: Model } | undefined {
  const tokens = sight?.kvCapacityTokens;
  const awake = served.find(({ model }) => model.id === resident[0]) ?? served[0];
  if (tokens === undefined || awake === undefined || !(tokens > 0) || !(tokens < 1e12)) return undefined;
  return { tokens: Math.floor(tokens), model: awake.model };
}

/** Prompt tokens that one iteration takes in, unless a server is told otherwise. */
const prefillTokens: { readonly [kind in EngineKind]: number } = {
  vllm: 8192,
  sglang: 8192,
  openai: 8192,
  emulated: 8192,
  "llama-cpp": 2048,
  ollama: 2048,
  llama: 512,
};

function toBatching({ kind, maxSequences }: EngineConfig, mixesModels: boolean): Engine["batching"] {
  const batching = { kind: "batched", maxSequences, prefillTokens: prefillTokens[kind], chunkedPrefill: true } as const;
  // What holds its models for good runs them side by side; the others swap them, and run one at a time.
  return mixesModels ? { ...batching, mixesModels } : batching;
}

function toHost(config: HostConfig): Host {
  return { ...config, localLatencyUs: 20 };
}
