/** What an engine can hold: its memory, and per model the bytes it takes up and the KV tokens that come with it. */

import { strict as assert } from "node:assert";
import type { Cluster, Engine, EngineId, GpuKind, Host } from "./cluster.ts";
import type { Model, ModelId } from "./model.ts";

export type EngineHolding = {
  readonly engine: Engine;
  /** Position in `cluster.engines`. */
  readonly index: number;
  /** The engine that this is a part of: a policy may look at one that runs its models side by side as one engine for each. Stages allow the whole. */
  readonly partOf?: EngineId;
  readonly host: Host;
  readonly gpu: GpuKind;
  /** For weights and KV together. */
  readonly memoryBytes: number;
  /** Models it may and can hold; a model that is absent here never runs on this engine. */
  readonly models: ReadonlyMap<ModelId, ModelHolding>;
};

export type ModelHolding = {
  readonly model: Model;
  /** Weights and the KV memory set aside with them. */
  readonly footprintBytes: number;
  readonly kvCapacityTokens: number;
};

/** Below this a model is not worth holding: it could not take one ordinary prompt. */
const leastKvTokens = 1024;

export function createHoldings(cluster: Cluster, models: readonly Model[]): readonly EngineHolding[] {
  const devices = new Map(cluster.devices.map((device) => [device.id, device]));
  const hosts = new Map(cluster.hosts.map((host) => [host.id, host]));
  const gpus = new Map(cluster.gpus.map((gpu) => [gpu.id, gpu]));
  const zones = new Map(cluster.zones.map((zone) => [zone.id, zone]));
  return cluster.engines.map((engine, index) => {
    const device = devices.get(engine.devices[0] ?? "");
    const host = hosts.get(device?.host ?? "");
    const gpu = gpus.get(device?.gpu ?? "");
    assert(host !== undefined && gpu !== undefined, `engine ${engine.id} stands on no known device`);
    const memoryBytes = Math.floor(gpu.memoryBytes * engine.devices.length * engine.memoryShare);
    const zone = host.zone === undefined ? undefined : zones.get(host.zone);
    const held = new Map<ModelId, ModelHolding>();
    for (const model of models) {
      if (!(engine.models?.includes(model.id) ?? true) || !(zone?.models?.includes(model.id) ?? true)) continue;
      const holding = holdModel(model, memoryBytes, engine.kvBytes);
      if (holding !== undefined) held.set(model.id, holding);
    }
    return { engine, index, host, gpu, memoryBytes, models: held };
  });
}

function holdModel(model: Model, memoryBytes: number, reservedKvBytes: number | undefined): ModelHolding | undefined {
  const leftBytes = memoryBytes - model.weightBytes;
  const kvBytes = reservedKvBytes ?? leftBytes;
  if (leftBytes < kvBytes || kvBytes < 0) return undefined;
  const unlimited = model.kvBytesPerToken === 0;
  const kvCapacityTokens = unlimited ? Number.MAX_SAFE_INTEGER : Math.floor(kvBytes / model.kvBytesPerToken);
  if (kvCapacityTokens < leastKvTokens) return undefined;
  return { model, footprintBytes: model.weightBytes + kvBytes, kvCapacityTokens };
}
