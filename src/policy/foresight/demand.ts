/** Which models are likely to be called by what has not come yet: parts of the work of the workflows that came, the latest most. */

import type { ModelId } from "../../model/model.ts";
import type { WorkflowId } from "../../model/workflow.ts";
import { ownNumbers } from "../by-name.ts";
import type { View } from "../policy.ts";
import type { RemainingWork } from "../remaining-work.ts";

export type Demand = {
  /** By model, its part of the work of a workflow. */
  readonly parts: Readonly<Record<ModelId, number>>;
  /** Open workflows that are counted already. */
  readonly counted: readonly WorkflowId[];
};

export const noDemand: Demand = { parts: {}, counted: [] };

/** How much a workflow counts against all before it. */
const latest = 0.15;

export function noteDemand({ workflows }: View, work: RemainingWork, before: Demand | undefined): Demand {
  let parts: Record<ModelId, number> = { ...before?.parts };
  const counted = new Set(before?.counted);
  for (const [id, { stages }] of workflows.open) {
    if (counted.has(id)) continue;
    const own = new Map<ModelId, number>();
    let totalUs = 0;
    for (const [key, { stage }] of stages) {
      if (stage.kind === "tool") continue;
      const us = work[id]?.stageUs[key] ?? 0;
      own.set(stage.model, us + (own.get(stage.model) ?? 0));
      totalUs += us;
    }
    if (totalUs === 0) continue;
    const weight = Object.keys(parts).length === 0 ? 1 : latest;
    const models = new Set([...Object.keys(parts), ...own.keys()]);
    parts = Object.fromEntries(
      Array.from(models, (model) => [
        model,
        (1 - weight) * (parts[model] ?? 0) + (weight * (own.get(model) ?? 0)) / totalUs,
      ]),
    );
  }
  return { parts, counted: [...workflows.open.keys()] };
}

/** Without the workflows that are open. Undefined if that is nothing, or no demand at all. */
export function keepDemand(given: unknown): Demand | undefined {
  const parts = ownNumbers((given as Partial<Demand> | null | undefined)?.parts);
  return Object.keys(parts).length === 0 ? undefined : { ...noDemand, parts };
}
