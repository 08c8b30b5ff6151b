/**
 * The cost model of a cluster: for every engine and model what holds always. `candidate.ts` adds what depends on state.
 * All durations it returns are whole microseconds, rounded once.
 */

import { strict as assert } from "node:assert";
import type { Cluster, Engine, EngineId, GpuKind, Host } from "../model/cluster.ts";
import type { Model, ModelId } from "../model/model.ts";
import type { Calibration } from "./calibration.ts";
import { loadUs } from "./load.ts";
import { createRates, type Rates } from "./roofline.ts";
import { createRoutes, type Routes } from "./transfer.ts";

export type CostModel = {
  readonly cluster: Cluster;
  readonly models: ReadonlyMap<ModelId, Model>;
  readonly engines: readonly EngineCosts[];
  readonly engine: (id: EngineId) => EngineCosts;
  readonly route: Routes;
};

/** One engine, where it stands, and what it can serve. */
export type EngineCosts = {
  readonly engine: Engine;
  readonly index: number;
  readonly host: Host;
  readonly gpu: GpuKind;
  /** For weights and KV together. */
  readonly memoryBytes: number;
  /** Undefined for a model that this engine may not or cannot hold. */
  readonly model: (id: ModelId) => ModelOnEngine | undefined;
  readonly models: readonly ModelOnEngine[];
};

export type ModelOnEngine = {
  readonly model: Model;
  readonly rates: Rates;
  readonly loadUs: number;
  /** Weights and the KV memory set aside with them. */
  readonly footprintBytes: number;
  readonly kvCapacityTokens: number;
};

/** Below this a model is not worth holding: it could not take one ordinary prompt. */
const leastKvTokens = 1024;

export function createCostModel(cluster: Cluster, models: readonly Model[], calibration: Calibration): CostModel {
  const byId = new Map(models.map((model) => [model.id, model]));
  const engines = cluster.engines.map((engine, index) =>
    createEngineCosts(cluster, engine, index, models, calibration),
  );
  const byEngine = new Map(engines.map((costs) => [costs.engine.id, costs]));
  return {
    cluster,
    models: byId,
    engines,
    engine: (id) => {
      const costs = byEngine.get(id);
      assert(costs !== undefined, `no engine ${id} in cluster ${cluster.id}`);
      return costs;
    },
    route: createRoutes(cluster),
  };
}

function createEngineCosts(
  cluster: Cluster,
  engine: Engine,
  index: number,
  models: readonly Model[],
  calibration: Calibration,
): EngineCosts {
  const device = cluster.devices.find((candidate) => candidate.id === engine.devices[0]);
  const host = cluster.hosts.find((candidate) => candidate.id === device?.host);
  const gpu = cluster.gpus.find((candidate) => candidate.id === device?.gpu);
  assert(host !== undefined && gpu !== undefined, `engine ${engine.id} stands on no known device`);
  const zone = cluster.zones.find((candidate) => candidate.id === host.zone);
  const memoryBytes = Math.floor(gpu.memoryBytes * engine.devices.length * engine.memoryShare);
  const allowed = models.filter(
    (model) => (engine.models?.includes(model.id) ?? true) && (zone?.models?.includes(model.id) ?? true),
  );
  const held = allowed.flatMap((model) => {
    const kvBytes = Math.min(engine.kvBytes ?? Infinity, memoryBytes - model.weightBytes);
    const kvCapacityTokens =
      model.kvBytesPerToken === 0 ? Number.MAX_SAFE_INTEGER : Math.floor(kvBytes / model.kvBytesPerToken);
    if (kvBytes < 0 || kvCapacityTokens < leastKvTokens) return [];
    const rates = createRates(engine, gpu, model, calibration);
    return [
      { model, rates, loadUs: loadUs(host, model), footprintBytes: model.weightBytes + kvBytes, kvCapacityTokens },
    ];
  });
  const byModel = new Map(held.map((entry) => [entry.model.id, entry]));
  return { engine, index, host, gpu, memoryBytes, model: (id) => byModel.get(id), models: held };
}
