/**
 * Adds loads ahead of need to a policy: what the next steps of the open workflows call for and no engine will hold is loaded on
 * an idle engine, the model with the most expected work in those steps first.
 *
 * The loads of `kvflow`, in an order of our own. The policy must want to be asked when nothing is ready.
 */

import type { ModelId } from "../model/model.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { planPrefetch } from "./kvflow/prefetch.ts";
import { stepsByModel, stepsToExecution } from "./kvflow/steps.ts";
import type { Policy, View } from "./policy.ts";
import { createBestWork } from "./remaining-work.ts";

export function withPrefetch(policy: Policy): Policy {
  return (view) => {
    const plan = policy(view);
    const steps = [...view.workflows.open.values()].flatMap((workflow) => [...stepsToExecution(workflow)]);
    const next = steps.flatMap(([{ stage }, away]) => (away === 1 && stage.kind !== "tool" ? [stage] : []));
    const prefetches = planPrefetch(view, mostNeededFirst(view, next), plan.decisions, stepsByModel(steps));
    return { ...plan, decisions: [...plan.decisions, ...prefetches] };
  };
}

function mostNeededFirst(view: View, next: readonly VisibleModelStage[]): readonly VisibleModelStage[] {
  const workUs = createBestWork(view);
  const neededUs = new Map<ModelId, number>();
  for (const stage of next) neededUs.set(stage.model, (neededUs.get(stage.model) ?? 0) + workUs(stage));
  return next.toSorted((left, right) => (neededUs.get(right.model) ?? 0) - (neededUs.get(left.model) ?? 0));
}
