/**
 * Plans a workflow as a whole when it arrives, by upward rank and insertion, and then follows the plan: each stage goes to the
 * engine planned for it as soon as it is ready, into a queue ordered by planned start.
 *
 * H. Topcuoglu, S. Hariri, M.-Y. Wu, "Performance-Effective and Low-Complexity Task Scheduling for Heterogeneous Computing",
 * IEEE TPDS 13(3), 2002. Departures: a stage costs a load unless what runs before it on the engine leaves its model there;
 * an engine goes on with what is ready rather than wait for what is planned next; a workflow is planned again from where it
 * stands when an engine that a ready stage is planned for cannot take it; of workflows revealed as they go, each stage is
 * planned when it appears; the decode engine of a pair is chosen at dispatch.
 */

import { isFeasible } from "../../cost/candidate.ts";
import type { WorkflowId } from "../../model/workflow.ts";
import type { OpenWorkflow } from "../../state/workflow-state.ts";
import { createLoads, placeWhole } from "../choose.ts";
import type { Policy, View } from "../policy.ts";
import { createMeanCosts } from "./mean-costs.ts";
import { planWorkflow } from "./plan-workflow.ts";
import type { WorkflowPlan } from "./workflow-plan.ts";
import { createTimelines } from "./timelines.ts";

/** The plans of the open workflows. */
type Memory = Readonly<Record<WorkflowId, WorkflowPlan>>;

export const heft: Policy = (view) => {
  const memory = planOpen(view, (view.memory ?? {}) as Memory);
  const loads = createLoads(view);
  const decisions = view.ready.map((stage) => {
    const planned = memory[stage.workflow]?.[stage.key];
    const engine = planned === undefined ? undefined : view.cluster.engine(planned.engine);
    return placeWhole(view, stage, engine, planned?.startUs ?? 0, loads);
  });
  return { decisions, memory };
};

/** Plans what has no plan yet, in order of arrival, around what is planned already. */
function planOpen(view: View, remembered: Memory): Memory {
  const failed = findFailed(view, remembered);
  const memory: Record<WorkflowId, WorkflowPlan> = {};
  const unplanned: OpenWorkflow[] = [];
  for (const workflow of view.workflows.open.values()) {
    const plan = remembered[workflow.id] ?? {};
    const kept = failed.has(workflow.id) ? keepPlaced(workflow, plan) : plan;
    memory[workflow.id] = kept;
    if (Object.keys(kept).length < countModelStages(workflow)) unplanned.push(workflow);
  }
  if (unplanned.length === 0) return memory;
  const timelines = createTimelines(view, memory);
  const means = createMeanCosts(view);
  for (const workflow of unplanned)
    memory[workflow.id] = planWorkflow(view, workflow, memory[workflow.id] ?? {}, means, timelines);
  return memory;
}

/** Workflows with a ready stage that cannot go where it was planned to. */
function findFailed(view: View, remembered: Memory): ReadonlySet<WorkflowId> {
  const failed = new Set<WorkflowId>();
  for (const stage of view.ready) {
    const planned = remembered[stage.workflow]?.[stage.key];
    if (planned !== undefined && !isFeasible(view, stage, view.cluster.engine(planned.engine)))
      failed.add(stage.workflow);
  }
  return failed;
}

/** The part of a plan that has come true or is about to. */
function keepPlaced(workflow: OpenWorkflow, plan: WorkflowPlan): WorkflowPlan {
  return Object.fromEntries(
    Object.entries(plan).filter(([key]) => {
      const status = workflow.stages.get(key)?.status;
      return status !== "ready" && status !== "waiting";
    }),
  );
}

function countModelStages(workflow: OpenWorkflow): number {
  let count = 0;
  for (const { stage } of workflow.stages.values()) if (stage.kind !== "tool") count += 1;
  return count;
}
