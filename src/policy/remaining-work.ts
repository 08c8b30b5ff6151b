/**
 * How much engine time each open workflow still asks for: its stages that have not ended, each on the engine that
 * is best for it, as far as they are expected to run.
 *
 * Plain data, so that it can be a policy's memory. A stage's time is worked out once, when it is revealed; a workflow's sum is
 * made anew, by additions alone, when one of its stages has ended.
 */

import type { Known } from "../cost/candidate.ts";
import type { VisibleStage } from "../model/visible.ts";
import type { StageKey, WorkflowId } from "../model/workflow.ts";
import type { OpenWorkflow } from "../state/workflow-state.ts";
import { groupAlike, workOnUs } from "./heft/mean-costs.ts";

export type RemainingWork = Readonly<Record<WorkflowId, WorkLeft>>;

type WorkLeft = {
  /** How many stages were revealed and how many of them were open when `leftUs` was summed up. */
  readonly stages: number;
  readonly open: number;
  readonly leftUs: number;
  /** Of every stage revealed, whether it has ended or not. */
  readonly stageUs: Readonly<Record<StageKey, number>>;
};

/** Of the open workflows. `remembered` is what the last plan was told. */
export function remainingWork(known: Known, remembered: RemainingWork = {}): RemainingWork {
  let workUs: BestWork | undefined;
  const all: Record<WorkflowId, WorkLeft> = {};
  for (const [id, workflow] of known.workflows.open) {
    const before = remembered[id];
    const { stages, openStages } = workflow;
    const revealed = before?.stages !== stages.size;
    if (before !== undefined && !revealed && before.open === openStages) {
      all[id] = before;
      continue;
    }
    if (revealed) workUs ??= createBestWork(known);
    const stageUs =
      workUs === undefined || !revealed ? (before?.stageUs ?? {}) : withRevealed(workflow, before?.stageUs, workUs);
    all[id] = { stages: stages.size, open: openStages, leftUs: sumOpen(workflow, stageUs), stageUs };
  }
  return all;
}

function withRevealed(
  { stages }: OpenWorkflow,
  before: Readonly<Record<StageKey, number>> = {},
  workUs: BestWork,
): Readonly<Record<StageKey, number>> {
  const stageUs: Record<StageKey, number> = { ...before };
  for (const [key, { stage }] of stages) stageUs[key] ??= workUs(stage);
  return stageUs;
}

/** A stage that may turn out not to run counts by its chance, and what is behind it likewise. Visits every stage and edge once. */
function sumOpen({ stages }: OpenWorkflow, stageUs: Readonly<Record<StageKey, number>>): number {
  const chances = new Map<StageKey, number>();
  let leftUs = 0;
  for (const [key, { stage, status, skipped }] of stages) {
    const chance = status === "waiting" ? (stage.chance ?? 1) * chanceOfAny(stage, chances) : skipped ? 0 : 1;
    chances.set(key, chance);
    if (status !== "ended") leftUs += chance * (stageUs[key] ?? 0);
  }
  return Math.round(leftUs);
}

/** One parent that runs is enough; the likeliest one stands for all. */
function chanceOfAny({ parents }: VisibleStage, chances: ReadonlyMap<StageKey, number>): number {
  let most = parents.length === 0 ? 1 : 0;
  for (const { stage } of parents) most = Math.max(most, chances.get(stage) ?? 1);
  return most;
}

export type BestWork = (stage: VisibleStage) => number;

/**
 * Prefill and decode of a stage alone on the engine that is fastest for it, without a load and without a cached prefix; nothing
 * for a tool, which takes no engine. Looks once at every engine, and then, for a stage, at one of each sort.
 */
export function createBestWork({ costs }: Known): BestWork {
  const sorts = groupAlike(costs.engines);
  return (stage) => {
    if (stage.kind === "tool") return 0;
    let leastUs = Infinity;
    for (const { engine } of sorts) leastUs = Math.min(leastUs, workOnUs(engine, stage) ?? Infinity);
    return leastUs === Infinity ? 0 : Math.round(leastUs);
  };
}
