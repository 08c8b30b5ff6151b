/** What a policy may ask for. A driver carries it out, or says in the journal why not. */

import type { EngineId } from "./cluster.ts";
import type { ModelId } from "./model.ts";
import type { StageKey } from "./workflow.ts";

export type Decision = Place | Redirect | Defer | Prefetch | Evict | Retain | SwitchRole;

/** Put a stage into the queue of an engine, or its items into the queues of several. */
export type Place = {
  readonly kind: "place";
  readonly stage: StageKey;
  /** One share is the whole stage. Items of all shares add up to the stage's items. */
  readonly shares: readonly Share[];
  /** Position in the engines' queues: smaller goes first, equal goes by time of placement. */
  readonly rank: number;
  /** How much the rank falls with each second of the clock, so that a late call overtakes; 0 if absent. */
  readonly climb?: number;
  /** What it may do while shares ahead of it wait for KV memory: begin if it fits, or only if it is expected to end before they could begin. Absent: wait. */
  readonly overtakes?: "if-it-fits" | "if-it-delays-none";
  /** With a prefill engine as the only share: the engine that decodes. */
  readonly decodeEngine?: EngineId;
  /** Models to give up first, in this order, if room must be made; then the least recently used. */
  readonly victims?: readonly ModelId[];
  /** In words, for people. */
  readonly reason?: string;
};

/** Decode a placed stage elsewhere than planned. Possible until its KV has set out. */
export type Redirect = {
  readonly kind: "redirect";
  readonly stage: StageKey;
  readonly decodeEngine: EngineId;
};

export type Share = {
  readonly engine: EngineId;
  readonly items: number;
};

/** Leave a ready stage unplaced. The policy is asked again at the next event, and at `untilUs` at the latest. */
export type Defer = {
  readonly kind: "defer";
  readonly stage: StageKey;
  readonly reason: "no-engine" | "kv-full" | "better-later";
  readonly untilUs?: number;
};

/** Load a model on an idle engine ahead of need. */
export type Prefetch = {
  readonly kind: "prefetch";
  readonly engine: EngineId;
  readonly model: ModelId;
  readonly victims?: readonly ModelId[];
};

/** Give up a resident model that nothing uses. */
export type Evict = {
  readonly kind: "evict";
  readonly engine: EngineId;
  readonly model: ModelId;
};

/** Keep a cached prefix until a time. */
export type Retain = {
  readonly kind: "retain";
  readonly engine: EngineId;
  readonly model: ModelId;
  /** The last link of the prefix to keep. */
  readonly hash: number;
  readonly untilUs: number;
};

/** Have an engine that prefills decode, or the other way about: it takes nothing new, ends what it has, and switches. */
export type SwitchRole = {
  readonly kind: "switch-role";
  readonly engine: EngineId;
  readonly role: "prefill" | "decode";
};

/** The terms of a placement's expected cost, kept apart so that a report can show each. */
export type CostTerms = {
  readonly loadUs: number;
  readonly transferUs: number;
  readonly prefillUs: number;
  readonly decodeUs: number;
  readonly shardUs: number;
};

export function sumTerms(terms: CostTerms): number {
  return terms.loadUs + terms.transferUs + terms.prefillUs + terms.decodeUs + terms.shardUs;
}
