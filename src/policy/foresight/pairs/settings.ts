/** What `foresight` leaves open on prefill and decode engines. Swept on training seeds of `fate bench agents`; docs/settings.md says how. */

import type { RoleSettings } from "../../agents/roles.ts";
import { historyWithRoles, type HistorySettings } from "../../agents/settings.ts";
import type { PlanSettings } from "./plan/planner.ts";
import type { ServingSettings } from "./serving.ts";
import { createHoldUp } from "./slack.ts";

export type CareSettings = {
  /** Prompts of one batch take no longer than this while few wait. */
  readonly batchUs: number;
  /** The same while decode engines are full. */
  readonly fullBatchUs: number;
  /** They may take this part of the time that all prompts take that wait, if that is longer; and this while decode engines are full. */
  readonly waitShare: number;
  readonly fullWaitShare: number;
  /** Weight of the delay of all that wait against a call's own end. */
  readonly price: number;
  /** From this part of the decode engines' places or KV memory on, they count as full. */
  readonly fullest: number;
  /** Prompts have a price while those of all open workflows are no more than this part of the KV memory that prefill engines can keep prefixes in. */
  readonly keepable: number;
};

export type PairsSettings = {
  /** Undefined: nothing is known of what workflows of a class go on to take. */
  readonly history: HistorySettings | undefined;
  /** Undefined: engines stay what they are. */
  readonly roles: RoleSettings | undefined;
  readonly care: CareSettings;
  readonly plan: PlanSettings;
  /** Undefined: engines turn to the model of whichever call ends first there. */
  readonly serving: ServingSettings | undefined;
};

const care: CareSettings = {
  batchUs: 150_000,
  fullBatchUs: 300_000,
  waitShare: 0.3,
  fullWaitShare: 0,
  price: 1,
  fullest: 0.5,
  keepable: 0.35,
};

const plan: PlanSettings = { fullest: 0.2, mostStages: 48, visits: 1000, own: 3 };

const serving: ServingSettings = { patience: 3, stay: 1, ahead: 1.25 };

export const switchingPairs = {
  history: historyWithRoles,
  roles: {
    aheadUs: 4e6,
    busiest: 1,
    fullest: 0.6,
    gain: 0.05,
    spare: 0.002,
    spareFrom: 0.5,
    holdUp: createHoldUp,
    pauseUs: 2.5e5,
    most: 3,
    anew: 0.5,
    full: 0.8,
    lend: { anew: 0.4, keepable: care.keepable, most: 0.25, gain: 0.02, afterUs: 5e6 },
  },
  care,
  plan,
  serving,
} as const satisfies PairsSettings;

/** What is full stays full for long then: throughput counts. */
export function withFixedRoles({ care: switching, ...settings }: PairsSettings): PairsSettings {
  return { ...settings, roles: undefined, care: { ...switching, fullWaitShare: switching.waitShare } };
}

export const fixedPairs = withFixedRoles(switchingPairs);
