/** The time of every engine as far as it is taken: by what runs and waits there, and by what is planned but not placed yet. */

import type { Known } from "../../cost/candidate.ts";
import type { EngineState } from "../../state/engine-state.ts";
import type { StageNode } from "../../state/workflow-state.ts";
import { occupy, pickEarliestFinish, type Choice, type Slot } from "./insertion.ts";
import type { PlannedStage, WorkflowPlan } from "./workflow-plan.ts";

/** Per engine, in the cluster's order, one timeline for each place in its batch. */
export type Timelines = readonly (readonly Slot[][])[];

/** A batched engine counts as so many processors at most; more would only make the search longer. */
const mostLanes = 16;

export function createTimelines(known: Known, plans: Readonly<Record<string, WorkflowPlan>>): Timelines {
  const timelines = [...known.cluster].map((engine) => createLanes(known.nowUs, engine));
  const waiting: { node: StageNode; planned: PlannedStage }[] = [];
  for (const workflow of known.workflows.open.values()) {
    const plan = plans[workflow.id] ?? {};
    for (const node of workflow.stages.values()) {
      const planned = plan[node.stage.key];
      if (planned !== undefined && (node.status === "waiting" || node.status === "ready"))
        waiting.push({ node, planned });
    }
  }
  waiting.sort(
    (left, right) => left.planned.startUs - right.planned.startUs || left.node.stage.ordinal - right.node.stage.ordinal,
  );
  for (const { node, planned } of waiting) {
    const lanes = timelines[known.cluster.indexOf(planned.engine)] ?? [];
    const model = node.stage.kind === "tool" ? undefined : node.stage.model;
    take(lanes, Math.max(known.nowUs, planned.startUs), planned.engineUs, model);
  }
  return timelines;
}

function createLanes(nowUs: number, engine: EngineState): Slot[][] {
  const { batching } = engine.holding.engine;
  const count = batching.kind === "exclusive" ? 1 : Math.min(mostLanes, batching.maxSequences);
  const lanes = Array.from({ length: count }, (): Slot[] => []);
  for (const { stage, startUs, expectedUs } of engine.running)
    take(lanes, nowUs, Math.max(0, startUs + expectedUs - nowUs), stage.model);
  for (const { stage, expectedUs } of engine.queue) take(lanes, nowUs, expectedUs, stage.model);
  return lanes;
}

/** As early as it fits, in whichever place that is. */
function take(lanes: readonly Slot[][], readyUs: number, engineUs: number, model: string | undefined): void {
  const choices = lanes.map((timeline): Choice => ({ timeline, readyUs, durationUs: () => engineUs, tailUs: 0 }));
  const fit = pickEarliestFinish(choices);
  if (fit !== undefined) occupy(fit, model);
}
