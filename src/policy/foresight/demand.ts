/** Which models are likely to be called by what has not come yet: parts of the work of the workflows that came, the latest most. */

import type { ModelId } from "../../model/model.ts";
import type { WorkflowId } from "../../model/workflow.ts";
import { ownOf } from "../../model/own.ts";
import { ownNumbers } from "../by-name.ts";
import type { View } from "../policy.ts";
import type { RemainingWork } from "../remaining-work.ts";
import type { OpenWorkflow } from "../../state/workflow-state.ts";

export type Demand = {
  /** By model, its part of the work of a workflow. */
  readonly parts: Parts;
  /** Open workflows that showed all they call when they came: `settled` has them. */
  readonly counted: readonly WorkflowId[];
  /** Open workflows that are revealed as they go, in the order in which they came: each counts by what it has shown so far. */
  readonly growing: readonly Growing[];
  /** The parts without those. */
  readonly settled: Parts;
};

type Parts = Readonly<Record<ModelId, number>>;

type Growing = {
  readonly id: WorkflowId;
  /** How many stages it had shown. */
  readonly stages: number;
  /** Its work by model. */
  readonly workUs: Parts;
};

export const noDemand: Demand = { parts: {}, counted: [], growing: [], settled: {} };

/** How much a workflow counts against all before it. */
const latest = 0.15;

export function noteDemand({ workflows }: View, work: RemainingWork, before: Demand = noDemand): Demand {
  const known = new Set(before.counted);
  const grown = new Map(before.growing.map((each) => [each.id, each]));
  let { settled } = before;
  for (const { id, workUs } of before.growing) if (!workflows.open.has(id)) settled = mixIn(settled, workUs);
  const counted: WorkflowId[] = [];
  const growing: Growing[] = [];
  for (const [id, workflow] of workflows.open) {
    const stages = workflow.stages.size;
    if (workflow.reveal === "online") {
      const last = grown.get(id);
      growing.push(last?.stages === stages ? last : { id, stages, workUs: workByModel(workflow, work) });
    } else {
      counted.push(id);
      if (!known.has(id)) settled = mixIn(settled, workByModel(workflow, work));
    }
  }
  const parts = growing.reduce((sum, { workUs }) => mixIn(sum, workUs), settled);
  return { parts, counted, growing, settled };
}

function workByModel({ id, stages }: OpenWorkflow, work: RemainingWork): Parts {
  const own = new Map<ModelId, number>();
  for (const [key, { stage }] of stages)
    if (stage.kind !== "tool") own.set(stage.model, (work[id]?.stageUs[key] ?? 0) + (own.get(stage.model) ?? 0));
  return Object.fromEntries(own);
}

function mixIn(parts: Parts, own: Parts): Parts {
  const totalUs = Object.values(own).reduce((sum, us) => sum + us, 0);
  if (totalUs === 0) return parts;
  const weight = Object.keys(parts).length === 0 ? 1 : latest;
  const models = new Set([...Object.keys(parts), ...Object.keys(own)]);
  return Object.fromEntries(
    Array.from(models, (model) => [
      model,
      (1 - weight) * (ownOf(parts, model) ?? 0) + (weight * (ownOf(own, model) ?? 0)) / totalUs,
    ]),
  );
}

/** Without the workflows that are open. Undefined if that is nothing, or no demand at all. */
export function keepDemand(given: unknown): Demand | undefined {
  const parts = ownNumbers((given as Partial<Demand> | null | undefined)?.parts);
  return Object.keys(parts).length === 0 ? undefined : { ...noDemand, parts, settled: parts };
}
