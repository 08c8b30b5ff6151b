/**
 * The cost model of a cluster: for every engine and model what holds always. `candidate.ts` adds what depends on state.
 * All durations it returns are whole microseconds, rounded once.
 */

import type { Cluster, EngineId } from "../model/cluster.ts";
import { createHoldings, type EngineHolding, type ModelHolding } from "../model/holding.ts";
import type { Model, ModelId } from "../model/model.ts";
import type { Calibration } from "./calibration.ts";
import { loadUs } from "./load.ts";
import { createRates, type Rates } from "./roofline.ts";
import { createRoutes, type Routes } from "./transfer.ts";

export type CostModel = {
  readonly cluster: Cluster;
  readonly models: ReadonlyMap<ModelId, Model>;
  /** In the cluster's order. */
  readonly engines: readonly EngineCosts[];
  readonly engine: (id: EngineId) => EngineCosts;
  readonly route: Routes;
};

/** One engine, where it stands, and what it can serve how fast. */
export type EngineCosts = Omit<EngineHolding, "models"> & {
  /** A model that is absent here never runs on this engine. */
  readonly models: ReadonlyMap<ModelId, ModelCosts>;
};

export type ModelCosts = ModelHolding & {
  readonly rates: Rates;
  readonly loadUs: number;
};

export function createCostModel(cluster: Cluster, models: readonly Model[], calibration: Calibration): CostModel {
  const engines = createHoldings(cluster, models).map((holding) => toEngineCosts(holding, calibration));
  const byId = new Map(engines.map((costs) => [costs.engine.id, costs]));
  return {
    cluster,
    models: new Map(models.map((model) => [model.id, model])),
    engines,
    engine: (id) => {
      const costs = byId.get(id);
      if (costs === undefined) throw new Error(`no engine ${id} in cluster ${cluster.id}`);
      return costs;
    },
    route: createRoutes(cluster),
  };
}

function toEngineCosts(holding: EngineHolding, calibration: Calibration): EngineCosts {
  const models = new Map<ModelId, ModelCosts>();
  for (const [id, held] of holding.models) {
    const rates = createRates(holding.engine, holding.gpu, held.model, calibration);
    models.set(id, { ...held, rates, loadUs: loadUs(holding.host, held.model) });
  }
  return { ...holding, models };
}
