/** The cost model as observation corrects it: per engine and model, factors on loads, prefills and decodes. */

import type { EngineId } from "../model/cluster.ts";
import type { ModelId } from "../model/model.ts";
import type { CostModel, EngineCosts } from "./cost-model.ts";

export type CostFactors = {
  readonly load: number;
  readonly prefill: number;
  readonly decode: number;
};

/** `base` with these factors in place of any for this engine and model that `current` has. Other engines are shared with `current`. */
export function correctCosts(
  base: CostModel,
  current: CostModel,
  engine: EngineId,
  model: ModelId,
  factors: CostFactors,
): CostModel {
  const index = base.cluster.engines.findIndex(({ id }) => id === engine);
  const plain = base.engines[index]?.models.get(model);
  const before = current.engines[index];
  if (plain === undefined || before === undefined) return current;
  const { correction } = plain.rates;
  const rates = {
    ...plain.rates,
    correction: { prefill: correction.prefill * factors.prefill, decode: correction.decode * factors.decode },
  };
  const corrected = { ...plain, rates, loadUs: Math.round(plain.loadUs * factors.load) };
  const changed: EngineCosts = { ...before, models: new Map(before.models).set(model, corrected) };
  const engines = current.engines.with(index, changed);
  return { ...current, engines, engine: (id) => engines[base.engine(id).index] as EngineCosts };
}
