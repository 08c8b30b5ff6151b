/**
 * Whose calls go first: those of the workflow that has been open for longest, as parts of what it asks for now. So short ones hardly
 * wait, and no one waits for ever (highest response ratio next, P. Brinch Hansen 1971). After a while nobody gains by age: a session of
 * hours is not to keep out who comes now.
 */

import type { VisibleModelStage } from "../../../model/visible.ts";
import type { WorkflowId } from "../../../model/workflow.ts";
import type { View } from "../../policy.ts";
import { createBestWork } from "../../remaining-work.ts";

export function byResponseRatio(view: View, mostUs: number): readonly VisibleModelStage[] {
  const { ready } = view;
  if (ready.length === 1) return ready;
  const ratios = responseRatios(view, mostUs);
  return ready.toSorted((left, right) => ratios.get(right.workflow)! - ratios.get(left.workflow)!);
}

/** Of the workflows whose calls wait: how long they have been open, over what these and those under way take alone. */
function responseRatios(view: View, mostUs: number): ReadonlyMap<WorkflowId, number> {
  const { ready, cluster, workflows, nowUs } = view;
  const workUs = createBestWork(view);
  const askedUs = new Map<WorkflowId, number>();
  for (const stage of ready) askedUs.set(stage.workflow, workUs(stage) + (askedUs.get(stage.workflow) ?? 0));
  for (const { running, queue } of cluster)
    for (const { stage } of [...running, ...queue]) {
      const us = askedUs.get(stage.workflow);
      if (us !== undefined) askedUs.set(stage.workflow, workUs(stage) + us);
    }
  const ageUs = (id: WorkflowId): number => Math.min(mostUs, nowUs - (workflows.open.get(id)?.arriveUs ?? nowUs));
  return new Map(Array.from(askedUs, ([id, us]) => [id, ageUs(id) / Math.max(1, us)]));
}
