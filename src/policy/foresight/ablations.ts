/** `foresight`, and the same with one thing less or more. */

import type { PolicyEntry } from "../policy.ts";
import { combineBySearch } from "../fate/plan.ts";
import { createForesight, createLoneForesight, type Settings } from "./foresight.ts";
import { keepLearnt } from "./lasting.ts";
import { fixedPairs, switchingPairs } from "./pairs/settings.ts";
import { revealedDefaults } from "./revealed/settings.ts";
import { foresightDefaults } from "./settings.ts";

const defaults: Settings = { whole: foresightDefaults, pairs: switchingPairs, revealed: revealedDefaults };

/** Nothing that keeps a gateway waiting for long. */
const quick: Settings = {
  ...defaults,
  whole: { ...foresightDefaults, visits: 4000, firstVisits: 8000, batchedVisits: 1000, firstBatchedVisits: 2000 },
};

const { care, plan: planned, roles } = switchingPairs;

type Changes = { readonly [Way in keyof Settings]?: Partial<Settings[Way]> };

function variant(summary: string, changes: Changes) {
  return {
    plan: createForesight(change(defaults, changes)),
    quick: createForesight(change(quick, changes), combineBySearch),
    lone: createLoneForesight(),
    summary,
    whenIdle: true,
    lasting: keepLearnt,
  } satisfies PolicyEntry;
}

function change(from: Settings, { whole, pairs, revealed }: Changes): Settings {
  return {
    whole: { ...from.whole, ...whole },
    pairs: { ...from.pairs, ...pairs },
    revealed: { ...from.revealed, ...revealed },
  };
}

export const foresightAblations = {
  "foresight-search": variant("foresight that keeps the best of its constructions", {
    whole: { visits: 0, firstVisits: 0, batchedVisits: 0, firstBatchedVisits: 0 },
    pairs: { plan: { ...planned, visits: 0 } },
    revealed: { visits: 0 },
  }),
  "foresight-prefetch": variant("foresight that loads nothing ahead of need", {
    whole: { prefetch: false, preload: false },
    revealed: { preload: false },
  }),
  "foresight-preload": variant("foresight that loads only what it plans", {
    whole: { preload: false },
    revealed: { preload: false },
  }),
  "foresight-history": variant("foresight that knows nothing of what workflows called before", {
    whole: { history: false },
    pairs: { history: undefined },
    revealed: { history: false },
  }),
  "foresight-tail": variant("foresight that does not mind how long the slowest takes", { whole: { tail: 0 } }),
  "foresight-shards": variant("foresight that never splits a stage", { whole: { mostShards: 1 } }),
  "foresight-residency": variant("foresight to which models that plans leave out of memory are worth nothing", {
    revealed: { missing: 0 },
  }),
  "foresight-roles": variant("foresight that leaves engines their roles", { pairs: fixedPairs }),
  "foresight-lending": variant("foresight that has no engine decode because prefill has time to spare", {
    pairs: { roles: { ...roles, lend: undefined } },
  }),
  "foresight-slack": variant("foresight to which every prompt that waits is a loss, whether or not it could wait", {
    pairs: { roles: { ...roles, holdUp: undefined } },
  }),
  "foresight-price": variant("foresight that does not ask what prompt work costs those that wait", {
    pairs: { care: { ...care, price: 0 } },
  }),
  "foresight-batches": variant("foresight that takes prompts in as many at a time as engines can", {
    pairs: { care: { ...care, batchUs: Infinity, fullBatchUs: Infinity } },
  }),
  "foresight-serving": variant("foresight whose prefill and decode engines turn to another model for any call", {
    pairs: { serving: undefined },
  }),
  "foresight@solver": variant("foresight that has a solver re-place some stages before it anneals", {
    whole: { replace: true },
  }),
} as const satisfies Record<string, PolicyEntry>;

export const foresightPolicies = {
  foresight: variant("a complete plan of all that is visible, improved at every event", {}),
  ...foresightAblations,
} as const satisfies Record<string, PolicyEntry>;
