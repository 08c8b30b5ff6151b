/** Engines that the gateway runs itself: emulated ones, and real models on this machine. They live as long as it does. */

import { startEngine } from "../emulate/start-engine.ts";
import type { Config, EngineConfig } from "./config/config.ts";
import { toCluster } from "./config/to-cluster.ts";

export type OwnEngine = AsyncDisposable & { readonly url: string };

/** Whether nobody else runs it. */
export function isOwn({ kind, url, servers }: EngineConfig): boolean {
  return (kind === "emulated" || kind === "llama") && url === undefined && servers.length === 0;
}

export async function startOwn(engine: EngineConfig, config: Config): Promise<OwnEngine> {
  return engine.kind === "llama" ? startLlama(engine, config) : startEmulated(engine, config);
}

function startEmulated(engine: EngineConfig, config: Config): Promise<OwnEngine> {
  const { cluster, models } = toCluster({ ...config, engines: [engine] });
  const host = cluster.hosts.find(({ id }) => id === engine.host);
  const described = cluster.engines[0];
  const served = described?.models ?? [];
  return startEngine({
    id: engine.id,
    models: models.filter(({ id }) => served.includes(id)),
    names: Object.fromEntries(engine.models.map(({ id, as }) => [id, [as]])),
    gpu: engine.gpu,
    gpus: engine.gpus,
    role: engine.role,
    maxSequences: engine.maxSequences,
    maxResident: engine.maxResident,
    memoryShare: engine.memoryShare,
    ...(described?.kvBytes === undefined ? {} : { kvBytes: described.kvBytes }),
    resident: described?.resident ?? [],
    ...(host === undefined
      ? {}
      : {
          loadBytesPerSecond: host.loadBytesPerSecond,
          loadLatencyUs: host.loadLatencyUs,
          nicBytesPerSecond: host.nicBytesPerSecond,
        }),
    speed: engine.speed,
    seed: config.seed,
  });
}

/** KV memory is set aside for whole contexts. */
const mostContextTokens = 32_768;

async function startLlama(engine: EngineConfig, config: Config): Promise<OwnEngine> {
  // Here, so that nobody who does not ask for it pays for it.
  const { startLlamaEngine } = await import("../llama/start-llama-engine.ts");
  return startLlamaEngine({
    id: engine.id,
    models: Object.entries(engine.files).map(([id, path]) => ({ id, path })),
    maxResident: engine.maxResident,
    maxSequences: engine.maxSequences,
    resident: engine.resident,
    contextTokens: Math.min(...config.models.map(({ contextTokens }) => contextTokens), mostContextTokens),
  });
}
