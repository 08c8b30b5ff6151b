/**
 * Everything that can happen, as records of the journal. `docs/journal.md` specifies each field for outsiders.
 * A driver emits them in order of time, state changes by `apply` of them, and every number is computed from them.
 */

import type { EngineId, EngineRole, HostId } from "./cluster.ts";
import type { CostTerms } from "./decision.ts";
import type { ModelId } from "./model.ts";
import type { StageKey, WorkflowId } from "./workflow.ts";
import type { VisibleStage } from "./visible.ts";

export type JournalEvent =
  | WorkflowArrive
  | StageReveal
  | StageReady
  | StageSkip
  | StageDrop
  | PlanMade
  | StagePlace
  | StageRedirect
  | DecisionReject
  | ShareStart
  | ModelEvict
  | ModelLoadStart
  | ModelLoadEnd
  | TransferStart
  | TransferEnd
  | PrefillStart
  | PrefillEnd
  | KvTransferStart
  | KvTransferEnd
  | DecodeStart
  | DecodeEnd
  | BatchStep
  | SharePreempt
  | ShareEnd
  | ToolStart
  | ToolEnd
  | StageEnd
  | StageLost
  | StageForgive
  | PrefixRetain
  | PrefixDrop
  | PrefixRestore
  | CostCorrect
  | PolicyRemember
  | EngineDown
  | EngineDrain
  | EngineUp
  | EngineSlow
  | RoleSwitchStart
  | RoleSwitchEnd
  | WorkflowEnd
  | WorkflowAbandon;

export type EventKind = JournalEvent["kind"];

/** Distributes over the union, so that each kind of event keeps its own fields. */
type WithoutStamp<Event> = Event extends unknown ? Omit<Event, "atUs" | "sequence"> : never;

/** A record as a driver makes it, before it has its time and its position. */
export type NewEvent = WithoutStamp<JournalEvent>;

type At = {
  readonly atUs: number;
  /** Position in the journal, from 1. */
  readonly sequence: number;
};

/** Which part of a stage on which engine. `attempt` counts from 0 and grows when a stage must run again. */
type OfShare = At & {
  readonly stage: StageKey;
  readonly share: number;
  readonly attempt: number;
  readonly engine: EngineId;
};

/** What a share does on its engine: everything, or one phase of a prefill/decode pair. */
export type SharePhase = "whole" | "prefill" | "decode";

export type WorkflowArrive = At & {
  readonly kind: "workflow-arrive";
  readonly workflow: WorkflowId;
  readonly reveal: "static" | "online";
  readonly class?: string;
  readonly tenant?: string;
  readonly deadlineUs?: number;
  readonly sloScale?: number;
};

/** A stage becomes visible, with estimates. */
export type StageReveal = At & {
  readonly kind: "stage-reveal";
  readonly stage: VisibleStage;
};

/** All parents are over. `chainTokens` gives the prompt's link lengths as they turned out, where they differ from the reveal. */
export type StageReady = At & {
  readonly kind: "stage-ready";
  readonly stage: StageKey;
  readonly chainTokens?: readonly number[];
  /** Which try comes next, where a journal goes on from a full one; 0 if absent. */
  readonly attempt?: number;
};

/** All parents are over and the stage does not run: it is over too, having written nothing. */
export type StageSkip = At & {
  readonly kind: "stage-skip";
  readonly stage: StageKey;
};

/** A stage is given up, wherever it is: its client is gone, or it cannot be done. It is over, having written nothing. */
export type StageDrop = At & {
  readonly kind: "stage-drop";
  readonly stage: StageKey;
  readonly attempt: number;
  readonly reason: "client-gone" | "cancelled" | "failed" | "timed-out" | "refused";
};

/** The policy answered with something to do. */
export type PlanMade = At & {
  readonly kind: "plan";
  readonly ready: number;
  readonly decisions: number;
  /** What the planner wants known: a budget spent, a fallback taken. */
  readonly note?: string;
};

export type StagePlace = At & {
  readonly kind: "stage-place";
  readonly stage: StageKey;
  readonly attempt: number;
  readonly shares: readonly PlacedShare[];
  readonly rank: number;
  /** How much the rank falls with each second of the clock; 0 if absent. */
  readonly climb?: number;
  /** What it may do while shares ahead of it wait for KV memory; absent: wait. */
  readonly overtakes?: "if-it-fits" | "if-it-delays-none";
  readonly decodeEngine?: EngineId;
  /** Models to give up first if room must be made. */
  readonly victims?: readonly ModelId[];
  readonly reason?: string;
};

export type PlacedShare = {
  readonly engine: EngineId;
  readonly items: number;
  /** Expected at placement. */
  readonly cost: CostTerms;
};

/** A placed stage whose KV has not set out yet is to be decoded by another engine than planned. */
export type StageRedirect = At & {
  readonly kind: "stage-redirect";
  readonly stage: StageKey;
  readonly attempt: number;
  /** Where it is prefilled. */
  readonly engine: EngineId;
  /** From now on. */
  readonly decodeEngine: EngineId;
  /** Expected, in place of that of the placement. */
  readonly decodeUs: number;
};

/** A decision that the world no longer allows. A stage it was about stays ready. */
export type DecisionReject = At & {
  readonly kind: "decision-reject";
  readonly decision: "place" | "redirect" | "prefetch" | "evict" | "retain" | "switch-role";
  readonly engine: EngineId;
  readonly stage?: StageKey;
  readonly model?: ModelId;
  readonly reason:
    | "engine-down"
    | "engine-busy"
    | "unreachable"
    | "no-room"
    | "not-resident"
    | "switching"
    | "too-late"
    | "last-of-role";
};

/** An engine takes a share from its queue and sets KV memory aside for it. */
export type ShareStart = OfShare & {
  readonly kind: "share-start";
  readonly phase: SharePhase;
  readonly kvTokens: number;
};

export type ModelEvict = At & {
  readonly kind: "model-evict";
  readonly engine: EngineId;
  readonly model: ModelId;
  /** `observed`: the server gave it up by itself. `failed`: its load did not succeed. */
  readonly cause: "room" | "policy" | "engine-down" | "observed" | "failed";
};

export type ModelLoadStart = At & {
  readonly kind: "model-load-start";
  readonly engine: EngineId;
  readonly model: ModelId;
  readonly bytes: number;
  readonly durationUs: number;
  /** `observed`: the server holds it without having been asked to. */
  readonly cause: "stage" | "prefetch" | "observed";
};

export type ModelLoadEnd = At & {
  readonly kind: "model-load-end";
  readonly engine: EngineId;
  readonly model: ModelId;
};

/** A parent's output sets out for the host of a share. It waits `waitUs` for the link, then occupies it for `durationUs`. */
export type TransferStart = OfShare & {
  readonly kind: "transfer-start";
  readonly parent: StageKey;
  readonly from: HostId;
  readonly to: HostId;
  readonly via: "link" | "store";
  readonly bytes: number;
  readonly waitUs: number;
  readonly durationUs: number;
};

export type TransferEnd = OfShare & {
  readonly kind: "transfer-end";
  readonly parent: StageKey;
  readonly to: HostId;
};

/** `promptTokens` of the share, of which `cachedTokens` are found in the prefix cache. */
export type PrefillStart = OfShare & {
  readonly kind: "prefill-start";
  readonly promptTokens: number;
  readonly cachedTokens: number;
};

export type PrefillEnd = OfShare & { readonly kind: "prefill-end" };

/** Keys and values leave a prefill engine for a decode engine over the sender's network interface, one after another. */
export type KvTransferStart = OfShare & {
  readonly kind: "kv-transfer-start";
  readonly to: EngineId;
  readonly bytes: number;
  readonly waitUs: number;
  readonly durationUs: number;
};

export type KvTransferEnd = OfShare & {
  readonly kind: "kv-transfer-end";
  readonly to: EngineId;
};

/** `sequences` decode side by side, `waves` times over, from a context of `contextTokens` each. */
export type DecodeStart = OfShare & {
  readonly kind: "decode-start";
  readonly sequences: number;
  readonly waves: number;
  readonly contextTokens: number;
};

export type DecodeEnd = OfShare & {
  readonly kind: "decode-end";
  readonly outputTokens: number;
};

/** A batched engine has run `steps` iterations with one and the same batch, from `startUs` until now. */
export type BatchStep = At & {
  readonly kind: "batch-step";
  readonly engine: EngineId;
  readonly model: ModelId;
  readonly startUs: number;
  readonly steps: number;
  /** Decoding sequences. */
  readonly sequences: number;
  /** KV tokens of the decoding sequences at the start. */
  readonly contextTokens: number;
  /** Prompt tokens taken in by each step; steps with prefill come one to a record. */
  readonly prefillTokens: number;
  /** Pairs of prompt token and token attended to: the quadratic part of prefill. */
  readonly prefillPairs: number;
  readonly prefillSequences: number;
};

/** KV memory ran out: a running share gives its memory back and queues again, its work to be redone. */
export type SharePreempt = OfShare & {
  readonly kind: "share-preempt";
  readonly kvTokens: number;
  readonly outputTokens: number;
};

export type ShareEnd = OfShare & {
  readonly kind: "share-end";
  readonly phase: SharePhase;
};

export type ToolStart = At & { readonly kind: "tool-start"; readonly stage: StageKey };
export type ToolEnd = At & { readonly kind: "tool-end"; readonly stage: StageKey };

/** The result of a stage exists; from now on it lies on `host`, or with the caller if there is none. */
export type StageEnd = At & {
  readonly kind: "stage-end";
  readonly stage: StageKey;
  readonly attempt: number;
  readonly outputTokens: number;
  readonly host?: HostId;
};

/** All shares of this attempt are void; the stage is ready again, with `attempt + 1`. */
export type StageLost = At & {
  readonly kind: "stage-lost";
  readonly stage: StageKey;
  readonly attempt: number;
  readonly reason: "engine-down" | "result-lost" | "engine-failed";
  /** The engine that failed, if others can take the stage: it is not placed there again, unless that is forgiven. */
  readonly avoid?: EngineId;
};

/** Nobody else who could take the stage is up: it may go again to engines that failed it. */
export type StageForgive = At & { readonly kind: "stage-forgive"; readonly stage: StageKey };

export type PrefixRetain = At & {
  readonly kind: "prefix-retain";
  readonly engine: EngineId;
  readonly model: ModelId;
  readonly hash: number;
  readonly untilUs: number;
};

/** The engine says that a cached prefix is gone, and with it all that continues it; without `hash`, all of the model. */
export type PrefixDrop = At & {
  readonly kind: "prefix-drop";
  readonly engine: EngineId;
  readonly model: ModelId;
  readonly hash?: number;
};

/**
 * This is cached now, and nothing else of the model: told where a journal goes on from another. At most so many prefixes as are
 * worth it, those used last.
 */
export type PrefixRestore = At & {
  readonly kind: "prefix-restore";
  readonly engine: EngineId;
  readonly model: ModelId;
  /** Least recently used first, what continues a prefix before it: hash, tokens, and the hash of the link before it if there is one. */
  readonly links: readonly (readonly number[])[];
};

/** From now on the model is expected to take so many times as long here as the cost model alone says. */
export type CostCorrect = At & {
  readonly kind: "cost-correct";
  readonly engine: EngineId;
  readonly model: ModelId;
  readonly load: number;
  readonly prefill: number;
  readonly decode: number;
};

/** What the policy has learnt so far that holds without the workflows it was learnt from. */
export type PolicyRemember = At & {
  readonly kind: "policy-remember";
  readonly policy: string;
  /** JSON. */
  readonly memory: string;
};

/** The engine takes nothing new; what runs there goes on, and what it holds stays. */
export type EngineDrain = At & { readonly kind: "engine-drain"; readonly engine: EngineId };
/** The engine is gone with all it held. */
export type EngineDown = At & { readonly kind: "engine-down"; readonly engine: EngineId };
/** The engine takes work again: with nothing resident after `engine-down`, with what it held after `engine-drain`. */
export type EngineUp = At & { readonly kind: "engine-up"; readonly engine: EngineId };
/** From now on what starts on this engine takes `factor` times as long. */
export type EngineSlow = At & { readonly kind: "engine-slow"; readonly engine: EngineId; readonly factor: number };

/** The engine is to have another role: from now on it takes nothing new, ends what it has, and then switches. */
export type RoleSwitchStart = At & {
  readonly kind: "role-switch-start";
  readonly engine: EngineId;
  readonly from: EngineRole;
  readonly to: EngineRole;
};

/** It has its new role, and takes work again, with no prefix cached. */
export type RoleSwitchEnd = At & {
  readonly kind: "role-switch-end";
  readonly engine: EngineId;
  readonly role: EngineRole;
};

export type WorkflowEnd = At & {
  readonly kind: "workflow-end";
  readonly workflow: WorkflowId;
};

/** A workflow that will never end, and why. */
export type WorkflowAbandon = At & {
  readonly kind: "workflow-abandon";
  readonly workflow: WorkflowId;
  readonly reason: "unreachable" | "no-engine" | "policy-deferred";
};
