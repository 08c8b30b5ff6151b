/**
 * Gives every stage, as a future whose dependents are known, a priority: the oldest workflow first, and in it by the depth of the
 * graph that still waits for the stage, the deepest first; places it at once where it ends first, and leaves it to that engine's
 * queue to keep the order.
 *
 * Global priorities from the metadata of futures and their local enforcement, after M. Laju et al., "Nalar: An Agent Serving
 * Framework" (arXiv 2601.05109, 2026), as publicly described. Departures: the source runs policies that its users write, and this
 * one is ours, the best of four orders by age and depth (docs/settings.md); the source's placement is such a policy
 * too, here it is the earliest finish of `greedy-commit`; a stage keeps the priority that it had when it was placed, and does not move afterwards.
 */

import type { StageKey } from "../model/workflow.ts";
import type { StageNode } from "../state/workflow-state.ts";
import { planEarliestFinish } from "./greedy-finish.ts";
import type { Policy, View } from "./policy.ts";
import type { ShardSettings } from "./shards.ts";

/** A rank is one number: the time of arrival in whole microseconds, and depth as a fraction of one. */
const depthsInUs = 1024;

export function createNalar({ mostShards }: ShardSettings): Policy {
  return (view) => {
    const depth = remainingDepths(view);
    const rankOf = (key: StageKey): number =>
      view.workflows.node(key).workflow.arriveUs - Math.min(1, (depth.get(key) ?? 0) / depthsInUs);
    const stages = [...view.ready].sort(
      (left, right) =>
        right.priority - left.priority || rankOf(left.key) - rankOf(right.key) || left.ordinal - right.ordinal,
    );
    const decisions = planEarliestFinish(view, stages, { hold: false, mostShards });
    return {
      decisions: decisions.map((decision) =>
        decision.kind === "place" ? { ...decision, rank: rankOf(decision.stage) } : decision,
      ),
    };
  };
}

/** How many revealed stages the longest path behind each stage has. Visits every stage and edge of workflows with a ready stage once. */
function remainingDepths({ ready, workflows }: View): ReadonlyMap<StageKey, number> {
  const open = new Set(ready.map(({ key }) => workflows.node(key).workflow));
  const depth = new Map<StageKey, number>();
  const through = ({ stage }: StageNode): number => 1 + (depth.get(stage.key) ?? 0);
  for (const { stages } of open) {
    for (const { stage, children } of [...stages.values()].toReversed()) {
      let deepest = 0;
      for (const child of children) deepest = Math.max(deepest, through(child));
      depth.set(stage.key, deepest);
    }
  }
  return depth;
}
