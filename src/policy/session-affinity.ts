/**
 * Keeps the stages of a workflow that call one model on the engine that the first of them got.
 *
 * Sticky sessions, as load balancers in front of model servers offer them, with the workflow as the session: what the
 * workflow's earlier calls left there (the model, cached prefixes, outputs) is found again. Departures: a workflow has a home
 * for each model it calls, as engines hold few models at once; the first stage goes where it ends first, as in
 * `greedy-finish`, instead of by a hash; a home that cannot take a stage any more is given up for the engine on which that
 * stage ends first; of a pair only the prefill engine is kept.
 */

import type { EngineId } from "../model/cluster.ts";
import type { Decision } from "../model/decision.ts";
import type { ModelId } from "../model/model.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { StageKey, WorkflowId } from "../model/workflow.ts";
import type { EngineState } from "../state/engine-state.ts";
import { canTake, oldestFirst } from "./choose.ts";
import { planEarliestFinish } from "./greedy-finish.ts";
import type { Policy, View } from "./policy.ts";
import type { ShardSettings } from "./shards.ts";

/** The homes of the open workflows. */
type Memory = Readonly<Record<WorkflowId, Homes>>;
type Homes = Readonly<Record<ModelId, EngineId>>;

export function createSessionAffinity({ mostShards }: ShardSettings): Policy {
  return (view) => {
    const remembered = (view.memory ?? {}) as Memory;
    const stages = oldestFirst(view);
    // Stages that are ready together have no home yet: the first plan finds one, and the second gathers them there.
    const found = settle(view, remembered, stages, planAtHome(view, remembered, stages, mostShards));
    const decisions = planAtHome(view, found, stages, mostShards);
    return { decisions, memory: settle(view, remembered, stages, decisions) };
  };
}

function planAtHome(view: View, homes: Memory, stages: readonly VisibleModelStage[], mostShards: number): Decision[] {
  const bound = new Map<StageKey, EngineId>();
  for (const stage of stages) {
    const home = homes[stage.workflow]?.[stage.model];
    if (home !== undefined && canTake(view, stage, view.cluster.engine(home))) bound.set(stage.key, home);
  }
  const afterUs = ({ key }: VisibleModelStage, { id }: EngineState): number =>
    (bound.get(key) ?? id) === id ? 0 : Infinity;
  return planEarliestFinish(view, stages, { hold: true, mostShards, afterUs });
}

/** The homes of open workflows, where the placements add one or replace one that can be used no more. */
function settle(
  view: View,
  remembered: Memory,
  stages: readonly VisibleModelStage[],
  decisions: readonly Decision[],
): Memory {
  const homes: Record<WorkflowId, Record<ModelId, EngineId>> = {};
  for (const id of view.workflows.open.keys()) homes[id] = { ...remembered[id] };
  for (const [index, stage] of stages.entries()) {
    const decision = decisions[index];
    const own = homes[stage.workflow];
    if (decision?.kind !== "place" || own === undefined) continue;
    const home = own[stage.model];
    const engine = decision.shares[0]?.engine;
    if (engine === undefined) continue;
    if (home === undefined || !canTake(view, stage, view.cluster.engine(home))) own[stage.model] = engine;
  }
  return homes;
}
