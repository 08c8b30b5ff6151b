/** What the ledger keeps of open workflows, stages, shares and engines. Plain rows: the ledger writes them, laws read them. */

import type { EngineCosts } from "../cost/cost-model.ts";
import type { ShareWork } from "../cost/share-work.ts";
import type { EngineId, EngineRole, HostId } from "../model/cluster.ts";
import type { SharePhase, StagePlace, WorkflowArrive } from "../model/event.ts";
import type { ModelId } from "../model/model.ts";
import type { VisibleModelStage, VisibleStage } from "../model/visible.ts";
import type { StageKey, WorkflowId } from "../model/workflow.ts";

export type WorkflowRow = {
  readonly id: WorkflowId;
  readonly arrive: WorkflowArrive;
  readonly stages: Map<StageKey, StageRow>;
  openStages: number;
  /** When its latest stage ended or was skipped, or when it arrived. */
  lastEndUs: number;
};

export type StageStatus = "waiting" | "ready" | "placed" | "tool" | "tool-ended" | "ended" | "skipped";

/**
 * `perhaps`: it was cancelled alone, and may have run where its planner had no room for it in the books. So it is with parents that
 * are not named.
 */
export type Ran = "yes" | "perhaps" | "no";

export type StageRow = {
  /** With the prompt's lengths as they turned out, once ready. */
  stage: VisibleStage;
  readonly workflow: WorkflowRow;
  readonly children: StageRow[];
  readonly revealUs: number;
  parentsOpen: number;
  /** When the latest parent ended or was skipped; the workflow's arrival for a stage without parents. */
  parentsEndUs: number;
  /** Whether one of its parents has run. */
  parentRan: Ran;
  ran: Ran;
  status: StageStatus;
  attempt: number;
  place: StagePlace | undefined;
  sharesLeft: number;
  /** When it ended or was skipped; 0 before. */
  endUs: number;
  toolEndUs: number;
  lastShareEndUs: number;
  /** Of the share that ended last. */
  lastEngine: EngineId | undefined;
  /** Output tokens of one item, as the shares that have decoded say. */
  itemTokens: number | undefined;
  outputTokens: number;
  /** Where the output lies; empty: with the caller. */
  hosts: HostId[];
};

/** Whether nothing more can happen to the stage. */
export function isOver({ status }: StageRow): boolean {
  return status === "ended" || status === "skipped";
}

export type ShareStep = "queued" | "started" | "prefilling" | "prefilled" | "sending" | "sent" | "decoding" | "decoded";

export type ShareRow = {
  readonly row: StageRow;
  /** As known when it was placed. */
  readonly stage: VisibleModelStage;
  readonly share: number;
  readonly attempt: number;
  readonly engine: EngineId;
  readonly items: number;
  readonly phase: SharePhase;
  readonly rank: number;
  readonly climb: number;
  readonly overtakes: StagePlace["overtakes"];
  /** Record that put it into the queue: decides among equal ranks. */
  readonly order: number;
  /** When it came into the queue. */
  readonly sinceUs: number;
  /** Engine time it is expected to take, and that on its decode engine. */
  readonly expectedUs: number;
  decodeUs: number;
  decodeEngine: EngineId | undefined;
  step: ShareStep;
  /** When this step began. */
  stepUs: number;
  /** When a step is due to end, where its record says so. */
  dueUs: number;
  startUs: number;
  startSequence: number;
  kvTokens: number;
  /** The engine's slow factor when the step began. */
  stepFactor: number;
  /** Parents whose output is on the way. */
  readonly inputs: Map<StageKey, number>;
  /** When the latest input arrived. */
  inputsUs: number;
  /** Lengths and sequences, worked out at the start from the stage and its items alone; output is not known yet. */
  work: ShareWork | undefined;
  promptTokens: number;
  cachedTokens: number;
  /** On a batched engine: prompt tokens cached or taken in, those left, and iterations decoded since it started. */
  promptDone: number;
  promptLeft: number;
  stepsDone: number;
  /** Tokens of each sequence that it had written before it was preempted, and goes on from. */
  written: number;
  /** When it left the batch without an end, for those that the iteration under way still carries. */
  lostUs: number;
};

export type ResidentRow = {
  readonly bytes: number;
  loading: boolean;
  /** When the load ended or will end. */
  readySinceUs: number;
};

export type EngineRow = {
  readonly costs: EngineCosts;
  up: boolean;
  role: EngineRole;
  /** Has it had another role? */
  switched: boolean;
  /** The role that it is to have once it has ended what it has. */
  switching: EngineRole | undefined;
  /** Shares on other engines that are to be handed over to it. */
  incoming: number;
  /** Takes nothing new. */
  drained: boolean;
  factor: number;
  /** Changes of the factor since the last batch step, oldest first; the first entry holds at that step. */
  factors: { readonly atUs: number; readonly factor: number }[];
  readonly residents: Map<ModelId, ResidentRow>;
  loading: ModelId | undefined;
  loadDueUs: number;
  /** When the last load ended. */
  loadedUs: number;
  queue: ShareRow[];
  /** In order of admission. */
  running: ShareRow[];
  /** Lost shares that the iteration under way still carries. */
  ghosts: ShareRow[];
  nicFreeUs: number;
  /** End of each model's last batch step. */
  readonly lastStepUs: Map<ModelId, number>;
};

/** What a share knows before it has started. */
export const freshShare = {
  step: "queued",
  stepUs: 0,
  dueUs: 0,
  startUs: 0,
  startSequence: 0,
  kvTokens: 0,
  stepFactor: 1,
  inputsUs: 0,
  work: undefined,
  promptTokens: 0,
  cachedTokens: 0,
  promptDone: 0,
  promptLeft: 0,
  stepsDone: 0,
  written: 0,
  lostUs: Infinity,
} as const satisfies Partial<ShareRow>;

/** An engine as it is when a run begins. */
export function newEngineRow(costs: EngineCosts): EngineRow {
  const { engine, models } = costs;
  const residents = engine.resident.map((model) => {
    const bytes = models.get(model)?.footprintBytes ?? 0;
    return [model, { bytes, loading: false, readySinceUs: 0 }] as const;
  });
  return {
    costs,
    up: true,
    role: engine.role,
    switched: false,
    switching: undefined,
    incoming: 0,
    drained: false,
    factor: 1,
    factors: [{ atUs: 0, factor: 1 }],
    residents: new Map(residents),
    loading: undefined,
    loadDueUs: 0,
    loadedUs: 0,
    queue: [],
    running: [],
    ghosts: [],
    nicFreeUs: 0,
    lastStepUs: new Map(),
  };
}
