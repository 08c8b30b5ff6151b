/** The models that can be called, by all their names, and what the gateway expects of their answers. */

import type { ModelId } from "../../model/model.ts";
import type { ClusterState } from "../../state/cluster-state.ts";
import type { ModelConfig } from "../config/config.ts";

export type Catalogue = {
  /** Whom a client means. */
  readonly find: (name: string) => CalledModel | undefined;
  readonly list: () => readonly CalledModel[];
};

export type CalledModel = {
  readonly id: ModelId;
  readonly contextTokens: number;
  readonly embeds: boolean;
  /** The largest KV memory that any engine has for it. */
  readonly mostKvTokens: number;
  /** Expected length of an answer: as configured at first, then the running mean. */
  expectedTokens: number;
};

const defaultContextTokens = 131_072;
const defaultOutputTokens = 256;
/** Weight of one more answer in the running mean. */
const meanWeight = 0.05;

/** Models that the configuration names, and those that engines turn out to have. Keeps what `before` has learnt. */
export function createCatalogue(configs: readonly ModelConfig[], cluster: ClusterState, before?: Catalogue): Catalogue {
  const most = new Map<ModelId, number>();
  for (const engine of cluster)
    for (const [id, { kvCapacityTokens }] of engine.holding.models)
      most.set(id, Math.max(most.get(id) ?? 0, kvCapacityTokens));
  const byName = new Map<string, CalledModel>();
  const listed: CalledModel[] = [];
  const add = (id: ModelId, config: ModelConfig | undefined): void => {
    const model: CalledModel = {
      id,
      contextTokens: config?.contextTokens ?? defaultContextTokens,
      embeds: config?.embeds ?? /embed|bge|e5-|gte-/i.test(id),
      mostKvTokens: most.get(id) ?? 0,
      expectedTokens: before?.find(id)?.expectedTokens ?? config?.outputTokens ?? defaultOutputTokens,
    };
    listed.push(model);
    byName.set(id, model);
    for (const alias of config?.aliases ?? []) if (!byName.has(alias)) byName.set(alias, model);
  };
  for (const config of configs) if (most.has(config.id)) add(config.id, config);
  for (const id of most.keys()) if (!byName.has(id)) add(id, undefined);
  return { find: (name) => byName.get(name), list: () => listed };
}

export function learnLength(model: CalledModel, outputTokens: number): void {
  model.expectedTokens += meanWeight * (outputTokens - model.expectedTokens);
}
