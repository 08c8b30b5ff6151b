/**
 * Lets the ready stages choose in order of the longest path through them, and puts the stages of a workflow's critical path on
 * the one engine that gets through that path first; the others go where they end first.
 *
 * CPOP (Critical Path on a Processor) of H. Topcuoglu, S. Hariri, M.-Y. Wu, "Performance-Effective and Low-Complexity Task
 * Scheduling for Heterogeneous Computing", IEEE TPDS 13(3), 2002. Departures: the paper has one graph to itself, so here the
 * engine of a path is chosen with what it has to do, what other paths are promised and the loads it needs (`path-engine.ts`);
 * only ready stages are given engines, anew at every event; a stage whose engine is busy is held; a stage of the path that its
 * engine cannot take goes where it ends first; of workflows revealed as they go, the path is that of what is revealed.
 */

import type { EngineId } from "../../model/cluster.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { OpenWorkflow } from "../../state/workflow-state.ts";
import { canTake } from "../choose.ts";
import { planEarliestFinish } from "../greedy-finish.ts";
import { createMeanCosts, type MeanCosts } from "../heft/mean-costs.ts";
import type { Policy, View } from "../policy.ts";
import { rankPaths, type Critical } from "./critical-path.ts";
import { choosePathEngines } from "./path-engine.ts";
import type { ShardSettings } from "../shards.ts";

/** Of the open workflows. */
type Memory = Readonly<Record<WorkflowId, Critical>>;

export function createCpop({ mostShards }: ShardSettings): Policy {
  return (view) => {
    const ranked = rankAll(view);
    const memory: Memory = choosePathEngines(view, ranked);
    const priorityOf = ({ workflow, key }: VisibleModelStage): number => memory[workflow]?.priorities[key] ?? 0;
    const ordered = [...view.ready].sort(
      (left, right) => priorityOf(right) - priorityOf(left) || left.ordinal - right.ordinal,
    );
    const bound = bindPaths(view, memory);
    const afterUs = ({ key }: VisibleModelStage, { id }: EngineState): number =>
      (bound.get(key) ?? id) === id ? 0 : Infinity;
    return { decisions: planEarliestFinish(view, ordered, { hold: true, mostShards, afterUs }), memory };
  };
}

/** What is remembered, where it still holds. */
function rankAll(view: View): Memory {
  const remembered = (view.memory ?? {}) as Memory;
  let means: MeanCosts | undefined;
  const all: Record<WorkflowId, Critical> = {};
  for (const workflow of view.workflows.open.values()) {
    const known = remembered[workflow.id];
    const holds = known?.stages === workflow.stages.size;
    if (!holds) means ??= createMeanCosts(view);
    all[workflow.id] = holds || means === undefined ? (known as Critical) : rank(workflow, means, known);
  }
  return all;
}

/** A path that grows keeps its engine. */
function rank(workflow: OpenWorkflow, means: MeanCosts, known: Critical | undefined): Critical {
  const engine = known?.engine === undefined ? {} : { engine: known.engine };
  return { stages: workflow.stages.size, ...rankPaths(workflow, means), ...engine };
}

/** Ready stages of critical paths, as far as their engine can take them. */
function bindPaths(view: View, memory: Memory): ReadonlyMap<StageKey, EngineId> {
  const bound = new Map<StageKey, EngineId>();
  for (const stage of view.ready) {
    const critical = memory[stage.workflow];
    if (critical?.engine === undefined || !critical.path.includes(stage.key)) continue;
    if (canTake(view, stage, view.cluster.engine(critical.engine))) bound.set(stage.key, critical.engine);
  }
  return bound;
}
