/** Where and when the stages of a workflow are to run. Plain data: it is the memory of the policy. */

import type { EngineId } from "../../model/cluster.ts";
import type { StageKey } from "../../model/workflow.ts";

export type WorkflowPlan = Readonly<Record<StageKey, PlannedStage>>;

export type PlannedStage = {
  readonly engine: EngineId;
  readonly startUs: number;
  /** How long it holds the engine. */
  readonly engineUs: number;
  /** When its result is there. */
  readonly finishUs: number;
};
