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
import { planEarliestFinish } from "./greedy-finish.ts";
import { createMeanCosts, rankStages, type MeanCosts } from "./heft/mean-costs.ts";
import { hasPlace, missingLoadUs } from "./picture.ts";
import type { Policy, View } from "./policy.ts";

/** Mean work of each stage of the open workflows, and of how many revealed stages. Loads change with the cluster. */
type Memory = Readonly<Record<WorkflowId, Works>>;
type Works = { readonly stages: number; readonly us: Readonly<Record<StageKey, number>> };

export const heftState: Policy = (view) => {
  const means = createMeanCosts(view);
  const memory = workAll(view, means);
  // Where nothing can begin, everything is held, in whatever order.
  const ranks = [...view.cluster].some(hasPlace) ? rankReady(view, means, memory) : new Map<StageKey, number>();
  const ordered = [...view.ready].sort(
    (left, right) => (ranks.get(right.key) ?? 0) - (ranks.get(left.key) ?? 0) || left.ordinal - right.ordinal,
  );
  return { decisions: planEarliestFinish(view, ordered, { hold: true, mostShards: 1 }), memory };
};

/** What is remembered, where it still holds. */
function workAll(view: View, means: MeanCosts): Memory {
  const remembered = (view.memory ?? {}) as Memory;
  const all: Record<WorkflowId, Works> = {};
  for (const { id, stages } of view.workflows.open.values()) {
    const known = remembered[id];
    all[id] =
      known?.stages === stages.size
        ? known
        : {
            stages: stages.size,
            us: Object.fromEntries([...stages].map(([key, { stage }]) => [key, means.workUs(stage)])),
          };
  }
  return all;
}

/** Ranks of all stages of the workflows that have ready ones. */
function rankReady(view: View, means: MeanCosts, works: Memory): ReadonlyMap<StageKey, number> {
  const loads = new Map<ModelId, number>();
  const loadUs = (stage: VisibleModelStage): number => {
    const known = loads.get(stage.model) ?? meanLoadUs(view, stage);
    loads.set(stage.model, known);
    return known;
  };
  const workUs = (stage: VisibleStage): number =>
    (works[stage.workflow]?.us[stage.key] ?? 0) + (stage.kind === "tool" || isBrought(view, stage) ? 0 : loadUs(stage));
  const ranks = new Map<StageKey, number>();
  const workflows = new Set(view.ready.map(({ key }) => view.workflows.node(key).workflow));
  for (const workflow of workflows)
    for (const [{ stage }, rank] of rankStages(workflow, { ...means, workUs })) ranks.set(stage.key, rank);
  return ranks;
}

/** Over the engines that are up and can hold the model; nothing where it is or will be. */
function meanLoadUs(view: View, stage: VisibleModelStage): number {
  let totalUs = 0;
  let count = 0;
  for (const engine of view.cluster) {
    if (!engine.up || !engine.holding.models.has(stage.model)) continue;
    totalUs += missingLoadUs(view, stage, engine);
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
