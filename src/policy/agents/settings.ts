/** What `hexagent` leaves open. Swept on training seeds; docs/settings.md says how. */

import type { Decision, Place } from "../../model/decision.ts";
import type { StageNode } from "../../state/workflow-state.ts";
import type { View } from "../policy.ts";
import type { Books } from "./books.ts";
import type { Order } from "./orders.ts";
import type { Projecting } from "./placements.ts";
import type { Projection, ProjectionSettings } from "./projection.ts";
import type { RoleSettings } from "./roles.ts";
import type { Serving, Tenure } from "./serving.ts";
import type { TailSettings } from "./tail.ts";

export type HexagentSettings = ProjectionSettings & {
  /** What until its end counts in a call's rank: what it takes at best, or all that is projected when it is placed. */
  readonly rankBy: "best" | "projected";
  /** Whether a call whose prompt has been taken in may be decoded elsewhere than planned. */
  readonly redirect: boolean;
  /** So much sooner it must end there, as a share of what is left. */
  readonly redirectGain: number;
  /** What a call that is not taken now waits for at least, counted in batches of prompts: part of its rank's time until the end. */
  readonly turns: number;
  /** Undefined: calls wait in line for KV memory. */
  readonly overtakes: Place["overtakes"] | undefined;
  /** Counts what workflows of the class went on to take. */
  readonly history?: HistorySettings | undefined;
  /** Keep calls in the policy until the engine that they go to has room for them in its next batch; otherwise in its queue. */
  readonly hold: boolean;
  /** Hold first calls back while workflows that have begun are in danger. */
  readonly tail?: TailSettings;
  /** Switch engines between prefill and decode. */
  readonly roles?: RoleSettings | undefined;
  /** What one plan goes by, as things stand. */
  readonly care?: (view: View, books: Books) => Care;
  /** Absent: each call by itself, in order. */
  readonly plan?: PlanAll;
  /** Absent: engines serve whatever they are given. */
  readonly serving?: (view: View, order: Order, tenures: readonly Tenure[] | undefined) => Serving | undefined;
};

/** How far the node's workflow is, against its horizon, when what is revealed of it has ended at a time. */
export type RiskAt = (node: StageNode) => (endUs: number) => number;

/** Plans all that waits as a whole; undefined where it does not know such engines. */
export type PlanAll = (
  view: View,
  projection: Projection,
  order: Order,
  projecting: Projecting,
  riskAt: RiskAt,
) => Decision[] | undefined;

export type Care = {
  /** Calls are held so that prompts of one batch take no longer than this; the first goes in however long it is. */
  readonly mostBatchUs?: number;
  /** What a prompt token that has to be taken in costs others. */
  readonly tokenPriceUs?: number;
};

/** How the path still to be revealed counts: times as long as at best, by the level of risk at which calls are placed lately. */
export type Weighing = {
  /** So many standard deviations from the mean. */
  readonly deviations: number;
  /** At level 1. */
  readonly slowdown: number;
  /** Slowdown grows with this power of the level. */
  readonly power: number;
};

/** One way while all workflows are of one class, another where classes mix; absent: not at all. */
export type HistorySettings = { readonly oneClass: Weighing; readonly classes?: Weighing };

export const hexagentDefaults: HexagentSettings = {
  joint: true,
  kv: true,
  prefixes: true,
  rankBy: "best",
  redirect: true,
  redirectGain: 0.3,
  turns: 2,
  overtakes: "if-it-fits",
  hold: true,
};

/** What is all but certain to follow: a class whose workflows differ as much as they last says nothing of one that has just begun. */
export const history: HistorySettings = { oneClass: { deviations: -1, slowdown: 1, power: 0.5 } };
/** While engines are away from their roles, what is new among mixed classes may go first: prefill has room to catch up. */
export const historyWithRoles: HistorySettings = { ...history, classes: { deviations: 0, slowdown: 5, power: 1 } };
export const roles: RoleSettings = {
  aheadUs: 4e6,
  busiest: 0.6,
  fullest: 0.6,
  sendable: 0.3,
  gain: 0.05,
  spare: 0.002,
  spareFrom: 0.4,
  pauseUs: 2.5e5,
  most: 3,
};
export const tail: TailSettings = { dangerRatio: 2, patientRatio: 1.5 };
/** Prompts of one iteration. */
export const timedUs = 300_000;
