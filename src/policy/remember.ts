/** What a policy works out once for each open workflow, and again only when more of it is revealed. */

import type { StageKey, WorkflowId } from "../model/workflow.ts";
import type { OpenWorkflow } from "../state/workflow-state.ts";
import type { View } from "./policy.ts";

/** By workflow: a value for each of its stages, and for how many revealed stages they were worked out. Survives JSON. */
export type Remembered<Value> = Readonly<Record<WorkflowId, RememberedStages<Value>>>;
type RememberedStages<Value> = { readonly stages: number; readonly values: Readonly<Record<StageKey, Value>> };

/** What `view.memory` has, where it still holds, and the rest by `workOut`. Workflows that are over are forgotten. */
export function rememberByStage<Value>(
  view: View,
  workOut: (workflow: OpenWorkflow) => Iterable<readonly [StageKey, Value]>,
): Remembered<Value> {
  const remembered = (view.memory ?? {}) as Remembered<Value>;
  const all: Record<WorkflowId, RememberedStages<Value>> = {};
  for (const workflow of view.workflows.open.values()) {
    const stages = workflow.stages.size;
    const known = remembered[workflow.id];
    all[workflow.id] = known?.stages === stages ? known : { stages, values: Object.fromEntries(workOut(workflow)) };
  }
  return all;
}
