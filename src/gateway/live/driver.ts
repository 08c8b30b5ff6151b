/**
 * The contract between the live driver and those who bring it work: calls over HTTP, and declared workflows.
 * The driver decides where and when; whoever owns a stage carries its shares to the engine and tells what came of them.
 */

import type { EngineId } from "../../model/cluster.ts";
import type { SharePhase } from "../../model/event.ts";
import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage, VisibleStage } from "../../model/visible.ts";
import type { StageKey, WorkflowId } from "../../model/workflow.ts";

export type Driver = {
  /** Whole microseconds since the driver began. */
  readonly nowUs: () => number;
  readonly arrive: (workflow: NewWorkflow) => void;
  /** Makes a stage visible, its parents revealed before it. `ordinal` is filled in. */
  readonly reveal: (stage: NewStage) => void;
  /** All parents are over. `work` carries it out. For a model stage. */
  readonly ready: (stage: StageKey, work: Work, chainTokens?: readonly number[]) => void;
  readonly toolStart: (stage: StageKey) => void;
  readonly toolEnd: (stage: StageKey) => void;
  /** All parents are over and it does not run. */
  readonly skip: (stage: StageKey) => void;
  /** Gives a stage up wherever it is: its client is gone, or it failed for good. Its shares' signals are aborted. */
  readonly drop: (stage: StageKey, reason: DropReason) => void;
  /** All stages are over. */
  readonly end: (workflow: WorkflowId) => void;
  /** Drops what is still open in it, and ends it. */
  readonly cancel: (workflow: WorkflowId) => void;
};

export type NewWorkflow = {
  readonly workflow: WorkflowId;
  readonly reveal: "static" | "online";
  readonly class?: string;
  readonly tenant?: string;
  readonly deadlineUs?: number;
  readonly sloScale?: number;
};

type WithoutOrdinal<Stage> = Stage extends unknown ? Omit<Stage, "ordinal"> : never;
export type NewStage = WithoutOrdinal<VisibleStage>;

export type DropReason = "client-gone" | "cancelled" | "failed" | "timed-out" | "refused";

/** What the owner of a stage does with it. */
export type Work = {
  /** A share has its turn on its engine. Must lead to exactly one call of `end` or `fail`. */
  readonly start: (turn: Turn) => void;
  /** The stage is not going to run: the driver has dropped it. */
  readonly refuse: (refusal: Refusal) => void;
  /**
   * It outlives engines that are away: where no engine is up, or very many wait, it waits as well, as long as anything may. That an
   * engine cannot be reached is no try of it, so whoever owns it bounds how often it is told so.
   */
  readonly patient?: true;
};

/** Whether the fault counts against the tries that a stage has. */
export function isTry({ patient }: Pick<Work, "patient">, { kind }: Pick<ShareFault, "kind">): boolean {
  return patient !== true || kind !== "unreachable";
}

/** A share that may go to its engine now. */
export type Turn = {
  readonly stage: VisibleModelStage;
  readonly share: number;
  readonly shares: number;
  readonly items: number;
  readonly attempt: number;
  readonly engine: EngineId;
  readonly model: ModelId;
  /** `prefill`: take the prompt in here, then call `handedOver`; `start` is called again with `decode` once that engine has a place. */
  readonly phase: SharePhase;
  /** With `prefill`: who decodes. */
  readonly decodeEngine: EngineId | undefined;
  readonly cachedTokens: number;
  /** For `x-fate-route`. */
  readonly reason: string;
  /** Age of the plan that put it here. */
  readonly planAgeUs: number;
  readonly waitedUs: number;
  /** Aborted when the stage is dropped, or this attempt at it is void: what is told of the turn after that changes nothing. */
  readonly signal: AbortSignal;
  /** The prompt is taken in: the first token is there. */
  firstToken(): void;
  /** The keys and values are where the decode engine can fetch them. */
  handedOver(): void;
  end(result: ShareResult): void;
  fail(fault: ShareFault): void;
};

export type ShareResult = {
  readonly outputTokens: number;
  /** As the engine counted them. */
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
};

export type ShareFault = {
  readonly kind: "unreachable" | "stalled" | "cut" | "busy" | "rejected";
  /** Nothing has reached the client and the call may be made again: the driver places it anew, elsewhere if it can. */
  readonly retry: boolean;
  readonly message: string;
};

/** Why a stage is turned away. */
export type Refusal = {
  readonly kind: "no-engine" | "queue-full" | "waited-too-long" | "engine-failed" | "draining";
  readonly message: string;
  readonly retryAfterS: number;
};
