/** A plan that says what a run did: the order in which shares were given their inputs, on which engines. */

import type { JournalEvent } from "../model/event.ts";
import type { StageKey } from "../model/workflow.ts";
import type { Instance } from "./instance.ts";
import type { PlanShare, WholePlan } from "./plan.ts";

/** The journal of a run of this one workflow, or its placements and starts alone. Undefined if some stage never began. */
export function planOfRun({ stages, engines }: Instance, events: Iterable<JournalEvent>): WholePlan | undefined {
  const engineOf = new Map(engines.map(({ id }, index) => [id, index]));
  const placed = new Map<StageKey, readonly PlanShare[]>();
  const began = new Map<StageKey, number>();
  for (const event of events) {
    if (event.kind === "stage-place")
      placed.set(
        event.stage,
        event.shares.map(({ engine, items }) => ({ engine: engineOf.get(engine) ?? 0, items })),
      );
    else if ((event.kind === "transfer-start" || event.kind === "prefill-start") && !began.has(event.stage))
      began.set(event.stage, event.sequence);
  }
  const shares = stages.map(({ stage }) => (stage === undefined ? [] : (placed.get(stage.key) ?? [])));
  if (stages.some(({ stage }) => stage !== undefined && !began.has(stage.key))) return undefined;
  return { order: toOrder(stages, (index) => began.get(stages[index]?.stage?.key ?? "") ?? 0), shares };
}

/** By rank, and never before a parent: tools and skipped stages come right behind theirs. */
function toOrder(stages: Instance["stages"], rankOf: (index: number) => number): readonly number[] {
  const rank = stages.map((_, index) => rankOf(index));
  for (const [index, { node }] of stages.entries())
    for (const parent of node.parents) rank[index] = Math.max(rank[index] ?? 0, rank[parent.index] ?? 0);
  return [...stages.keys()].sort((left, right) => (rank[left] ?? 0) - (rank[right] ?? 0) || left - right);
}
