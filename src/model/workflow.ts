/**
 * A workflow as it truly is, with the lengths and durations that nobody knows beforehand.
 * Drivers hold these; a policy only ever sees the `VisibleStage` that a driver reveals.
 */

import type { EngineId } from "./cluster.ts";
import type { ModelId } from "./model.ts";

export type WorkflowId = string;
/** Unique inside its workflow. */
export type StageId = string;
/** Unique everywhere: `workflow/stage`. */
export type StageKey = string;

export type Workflow = {
  readonly id: WorkflowId;
  readonly arrivalUs: number;
  /** `static`: all stages visible on arrival. `online`: a stage becomes visible when its parents have ended. */
  readonly reveal: "static" | "online";
  /** Parents before children. */
  readonly stages: readonly Stage[];
  readonly class?: string;
  readonly tenant?: string;
  /** Relative to arrival. */
  readonly deadlineUs?: number;
  /** Deadline as a multiple of the standalone latency. */
  readonly sloScale?: number;
};

export type Stage = ModelStage | ToolStage;

type StageBase = {
  readonly id: StageId;
  readonly parents: readonly ParentEdge[];
  /** Larger is more urgent; 0 unless said. */
  readonly priority: number;
  /** Whether it runs is decided on the way; absent: it runs, unless all its parents are skipped. */
  readonly branch?: Branch;
};

/** A stage that may turn out not to run: an answer that no tool is needed for, a judge who is content. */
export type Branch = {
  /** How likely it is to run once its parents have ended, 0 to 1: what is expected. */
  readonly chance: number;
  /** What comes. */
  readonly runs: boolean;
};

/** A call of a language or embedding model. An embedding has no output tokens. */
export type ModelStage = StageBase & {
  readonly kind: "llm" | "embed";
  readonly model: ModelId;
  readonly prompt: readonly Segment[];
  readonly output: OutputTokens;
  /** Independent parts of equal size over which own and output tokens divide; 1 means indivisible. */
  readonly items: number;
  readonly allow?: Allowed;
};

/** Work outside the engines. It takes its time and holds nothing. */
export type ToolStage = StageBase & {
  readonly kind: "tool";
  readonly estimateUs: number;
  readonly actualUs: number;
};

/** A parent, and how much of its output this stage reads. */
export type ParentEdge = {
  readonly stage: StageId;
  readonly bytes: number;
};

/** Output length: what is expected, what comes, and the cap that the caller set. */
export type OutputTokens = {
  readonly estimate: number;
  readonly actual: number;
  readonly limit: number;
};

/** Where a stage may run; all must hold that are given. */
export type Allowed = {
  readonly engines?: readonly EngineId[];
  /** The engine must carry all of them. */
  readonly labels?: readonly string[];
  /** Engines that failed it. */
  readonly avoid?: readonly EngineId[];
};

/**
 * A run of prompt tokens. Equal `text` keys mean equal text, so prompts that begin with the same segments share a prefix.
 * `output` is what an earlier stage of the workflow wrote, as long as it turned out. `own` is text that nothing else shares.
 */
export type Segment =
  | { readonly kind: "text"; readonly key: string; readonly tokens: number }
  | { readonly kind: "output"; readonly stage: StageId }
  | { readonly kind: "own"; readonly tokens: number };

export function stageKey(workflow: WorkflowId, stage: StageId): StageKey {
  return `${workflow}/${stage}`;
}

/** What a run is fed: workflows by arrival, and the models they call. */
export type Workload = {
  readonly id: string;
  /** Each workflow arrives when the one before it is over, whatever its arrival says. */
  readonly oneAtATime?: boolean;
  readonly workflows: readonly Workflow[];
};
