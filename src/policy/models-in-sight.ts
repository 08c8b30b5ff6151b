/** Which models a plan may have to find a place for now: those that are called, and those that workflows show they will call. */

import type { ModelId } from "../model/model.ts";
import type { View } from "./policy.ts";

export function modelsInSight({ ready, workflows, cluster }: View): ReadonlySet<ModelId> {
  const models = new Set<ModelId>();
  for (const { model } of ready) models.add(model);
  // Of thousands of sessions none shows more than what is ready or runs.
  for (const { reveal, stages } of workflows.open.values())
    if (reveal !== "online")
      for (const { stage } of stages.values()) if (stage.kind !== "tool") models.add(stage.model);
  for (const { running, queue } of cluster) {
    for (const { stage } of running) models.add(stage.model);
    for (const { stage } of queue) models.add(stage.model);
  }
  return models;
}
