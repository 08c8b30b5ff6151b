/** A workflow and a cluster of exclusive engines laid out in numbers for the search: who may run what, and how long ways take. */

import { canServe } from "../cost/candidate.ts";
import type { CostModel, ModelCosts } from "../cost/cost-model.ts";
import type { ModelId } from "../model/model.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { Workflow } from "../model/workflow.ts";
import { ClusterState } from "../state/cluster-state.ts";
import { toTrueStages, type TrueStage } from "./true-workflow.ts";

export type InstanceEngine = {
  readonly id: string;
  /** Its host's position. */
  readonly host: number;
  readonly memoryBytes: number;
  readonly maxResident: number;
  readonly maxSequences: number;
  readonly prefixTokens: number;
  /** Positions of models resident at the start, least recently used first. */
  readonly resident: readonly number[];
  /** By position of the model; absent where it cannot be held. */
  readonly models: readonly (ModelCosts | undefined)[];
};

export type InstanceStage = {
  readonly node: TrueStage;
  /** For a model stage: what it is, its model's position, and the engines that may take it. */
  readonly stage: VisibleModelStage | undefined;
  readonly model: number;
  readonly engines: readonly number[];
  /** Takes this long after its parents, if it is no model stage. */
  readonly fixedUs: number;
};

export type Instance = {
  readonly stages: readonly InstanceStage[];
  readonly engines: readonly InstanceEngine[];
  readonly models: readonly ModelId[];
  readonly hosts: number;
  readonly ways: number;
  /** By `from * hosts + to`; absent where no way leads. */
  readonly routes: readonly (InstanceRoute | undefined)[];
};

export type InstanceRoute = {
  /** Transfers with the same way pass one after another, where it is serial. */
  readonly way: number;
  readonly serial: boolean;
  readonly latencyUs: number;
  readonly usPerByte: number;
};

/** A stage and the items of a share go into one number, so a stage has fewer items than this. */
export const itemStride = 4096;

/** Undefined where engines batch or hand over, or where a stage can run nowhere or has too many items. */
export function toInstance(workflow: Workflow, costs: CostModel): Instance | undefined {
  if (costs.engines.some(({ engine }) => engine.batching.kind !== "exclusive" || engine.role !== "both"))
    return undefined;
  const nodes = toTrueStages(workflow);
  const used = nodes.flatMap((node) => (node.kind === "model" ? [node.stage.model] : []));
  // Those that lie ready take up room, used or not.
  const models = [...new Set([...used, ...costs.engines.flatMap(({ engine }) => engine.resident)])];
  const hostIds = [...new Set(costs.engines.map(({ host }) => host.id))];
  const state = ClusterState.create(costs.engines);
  const stages = nodes.map((node): InstanceStage => {
    if (node.kind !== "model")
      return { node, stage: undefined, model: -1, engines: [], fixedUs: node.kind === "tool" ? node.toolUs : 0 };
    const { stage } = node;
    const engines = [...state].flatMap((engine) => (canServe(stage, engine) ? [engine.holding.index] : []));
    return { node, stage, model: models.indexOf(stage.model), engines, fixedUs: 0 };
  });
  const unfit = stages.some(
    ({ stage, engines }) => stage !== undefined && (engines.length === 0 || stage.items >= itemStride),
  );
  if (unfit) return undefined;
  const wayOf = new Map<string, number>();
  const routes = hostIds.flatMap((from) =>
    hostIds.map((to): InstanceRoute | undefined => {
      const route = from === to ? undefined : costs.route(from, to);
      if (route === undefined) return undefined;
      if (!wayOf.has(route.id)) wayOf.set(route.id, wayOf.size);
      const { serial, latencyUs, bytesPerSecond } = route;
      return { way: wayOf.get(route.id) ?? 0, serial, latencyUs, usPerByte: 1e6 / bytesPerSecond };
    }),
  );
  const engines = costs.engines.map((each): InstanceEngine => ({
    id: each.engine.id,
    host: hostIds.indexOf(each.host.id),
    memoryBytes: each.memoryBytes,
    maxResident: each.engine.maxResident,
    maxSequences: each.engine.batching.maxSequences,
    prefixTokens: each.engine.prefixTokens ?? Infinity,
    resident: each.engine.resident.map((model) => models.indexOf(model)),
    models: models.map((model) => each.models.get(model)),
  }));
  return { stages, engines, models, hosts: hostIds.length, ways: wayOf.size, routes };
}
