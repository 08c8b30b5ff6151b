/**
 * A stage as a scheduler may see it: revealed, with estimates where the truth is not known yet.
 * Nothing here holds an actual output length or tool time of a stage that has not ended, nor whether a branch will run.
 */

import type { ModelId } from "./model.ts";
import type { ChainLink } from "./prefix.ts";
import type { Allowed, StageId, StageKey, WorkflowId } from "./workflow.ts";

export type VisibleStage = VisibleModelStage | VisibleToolStage;

type VisibleBase = {
  readonly key: StageKey;
  readonly workflow: WorkflowId;
  readonly id: StageId;
  /** Counts all stages of a run in the order of their reveal: the last word in every tie. */
  readonly ordinal: number;
  readonly parents: readonly VisibleParent[];
  /** Further parents, over and forgotten when it was revealed; on a wall clock alone. 0 if absent. */
  readonly unnamedParents?: number;
  readonly priority: number;
  /** How likely it is to run once its parents have ended; absent where that is certain, as from ready on. */
  readonly chance?: number;
};

export type VisibleModelStage = VisibleBase & {
  readonly kind: "llm" | "embed";
  readonly model: ModelId;
  /** The whole prompt. Links that repeat a parent's output carry its estimate until that parent has ended. */
  readonly chain: readonly ChainLink[];
  /** How many leading links other prompts can share; the links after them are this stage's own. */
  readonly sharedLinks: number;
  /** Of the prompt's last piece, where that is not the last link. */
  readonly lastTokens?: number;
  readonly promptTokens: number;
  /** Expected, over all items. */
  readonly outputTokens: number;
  /** Never more than this, over all items. */
  readonly limitTokens: number;
  readonly items: number;
  readonly allow?: Allowed;
};

export type VisibleToolStage = VisibleBase & {
  readonly kind: "tool";
  /** Expected. */
  readonly toolUs: number;
};

export type VisibleParent = {
  readonly stage: StageKey;
  readonly bytes: number;
};
