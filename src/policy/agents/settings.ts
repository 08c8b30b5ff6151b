/** What `hexagent` leaves open. Swept on training seeds; docs/policies.md says how. */

import type { Place } from "../../model/decision.ts";
import type { ProjectionSettings } from "./projection.ts";
import type { RoleSettings } from "./roles.ts";
import type { TailSettings } from "./tail.ts";

export type HexagentSettings = ProjectionSettings & {
  /** What until its end counts in a call's rank: what it takes at best, or all that is projected when it is placed. */
  readonly rankBy: "best" | "projected";
  /** Whether a call whose prompt has been taken in may be decoded elsewhere than planned. */
  readonly redirect: boolean;
  /** So much sooner it must end there, as a share of what is left. */
  readonly redirectGain: number;
  readonly overtakes?: Place["overtakes"];
  /** Counts what workflows of the class went on to take. */
  readonly history?: HistorySettings;
  /** Keep calls in the policy until the engine that they go to has room for them in its next batch; otherwise in its queue. */
  readonly hold: boolean;
  /** Hold first calls back while workflows that have begun are in danger. */
  readonly tail?: TailSettings;
  /** Switch engines between prefill and decode. */
  readonly roles?: RoleSettings;
};

/** How the path still to be revealed counts. */
export type Weighing = {
  /** So many standard deviations from the mean. */
  readonly deviations: number;
  /** So many times as long as at best. */
  readonly slowdown: number;
};

/** One way while all workflows are of one class, another where classes mix. */
export type HistorySettings = { readonly oneClass: Weighing; readonly classes: Weighing };

export const hexagentDefaults: HexagentSettings = {
  joint: true,
  kv: true,
  prefixes: true,
  rankBy: "best",
  redirect: true,
  redirectGain: 0.1,
  overtakes: "if-it-fits",
  hold: true,
};

export const history: HistorySettings = {
  oneClass: { deviations: 1, slowdown: 2 },
  classes: { deviations: 0, slowdown: 5 },
};
export const roles: RoleSettings = { prefillWaitUs: 3e5, decodeLoad: 0.25, decodeFull: 0.8, pauseUs: 1e6 };
export const tail: TailSettings = { dangerRatio: 2, patientRatio: 1.5 };
/** Prompts of one iteration. */
export const timedUs = 300_000;
