/**
 * `heft-online` with ranks that are conditional on state: a stage's cost holds a load in so far as engines do not have its
 * model, and so a path through models that are nowhere counts as the longer one.
 *
 * H. Topcuoglu, S. Hariri, M.-Y. Wu, "Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing",
 * IEEE TPDS 13(3), 2002, equation 8 with a mean over engines as they are now. Departures: those of `heft-online`; a stage
 * behind one of the same model that has not ended needs no load of its own, as that one brings the model.
 */

import type { VisibleModelStage, VisibleStage } from "../model/visible.ts";
import type { ModelId } from "../model/model.ts";
import type { StageKey, WorkflowId } from "../model/workflow.ts";
import type { OpenWorkflow } from "../state/workflow-state.ts";
import { planEarliestFinish } from "./greedy-finish.ts";
import { createMeanCosts, rankStages, type MeanCosts } from "./heft/mean-costs.ts";
import { missingLoadUs } from "./picture.ts";
import type { Policy, View } from "./policy.ts";
import type { ShardSettings } from "./shards.ts";

/** Ranks of the open workflows that had ready stages, and what they were worked out from. */
type Memory = Readonly<Record<WorkflowId, Ranks>>;
type Ranks = { readonly from: string; readonly ranks: Readonly<Record<StageKey, number>> };

export function createHeftState({ mostShards }: ShardSettings): Policy {
  return (view) => {
    const memory = rankReady(view);
    const rankOf = ({ workflow, key }: VisibleModelStage): number => memory[workflow]?.ranks[key] ?? 0;
    const ordered = [...view.ready].sort((left, right) => rankOf(right) - rankOf(left) || left.ordinal - right.ordinal);
    return { decisions: planEarliestFinish(view, ordered, { hold: true, mostShards }), memory };
  };
}

/** What is remembered, while no stage is revealed or ends and no engine gets or loses a model. */
function rankReady(view: View): Memory {
  const remembered = (view.memory ?? {}) as Memory;
  const means = createMeanCosts(view);
  const loadsUs = new Map([...view.costs.models.keys()].map((model) => [model, meanLoadUs(view, model)]));
  const workUs = (stage: VisibleStage): number => {
    const loadUs = stage.kind === "tool" || isBrought(view, stage) ? 0 : (loadsUs.get(stage.model) ?? 0);
    return means.workUs(stage) + loadUs;
  };
  const loads = [...loadsUs.values()].join();
  const all: Record<WorkflowId, Ranks> = {};
  for (const workflow of new Set(view.ready.map(({ key }) => view.workflows.node(key).workflow))) {
    const from = `${workflow.stages.size}/${workflow.openStages}/${loads}`;
    const known = remembered[workflow.id];
    all[workflow.id] = known?.from === from ? known : { from, ranks: rank(workflow, { ...means, workUs }) };
  }
  return all;
}

function rank(workflow: OpenWorkflow, costs: MeanCosts): Readonly<Record<StageKey, number>> {
  return Object.fromEntries([...rankStages(workflow, costs)].map(([{ stage }, us]) => [stage.key, us]));
}

/** Over the engines that are up and can hold the model; nothing where it is or will be. */
function meanLoadUs(view: View, model: ModelId): number {
  let totalUs = 0;
  let count = 0;
  for (const engine of view.cluster) {
    if (!engine.up || !engine.holding.models.has(model)) continue;
    totalUs += missingLoadUs(view, { model }, engine);
    count += 1;
  }
  return count === 0 ? 0 : Math.round(totalUs / count);
}

/** Will a parent have had the model loaded? */
function isBrought({ workflows }: View, { model, parents }: VisibleModelStage): boolean {
  return parents.some(({ stage: key }) => {
    const { stage, status } = workflows.node(key);
    return stage.kind !== "tool" && stage.model === model && status !== "ended";
  });
}
