/** `foresight`, and the same with one thing less or more. */

import type { PolicyEntry } from "../policy.ts";
import { combineBySearch } from "../fate/plan.ts";
import { createForesight, createLoneForesight, type Settings } from "./foresight.ts";
import { keepLearnt } from "./lasting.ts";
import { fixedPairs, switchingPairs } from "./pairs/settings.ts";
import { revealedDefaults, revealedQuickly } from "./revealed/settings.ts";
import { foresightDefaults } from "./settings.ts";

const defaults: Settings = { whole: foresightDefaults, pairs: switchingPairs, revealed: revealedDefaults };

/** Nothing that keeps a gateway waiting for long. */
const quick: Settings = {
  ...defaults,
  whole: { ...foresightDefaults, visits: 4000, firstVisits: 8000, batchedVisits: 1000, firstBatchedVisits: 2000 },
  revealed: revealedQuickly,
};

const { care, plan: planned, roles } = switchingPairs;

type Changes = { readonly [Way in keyof Settings]?: Partial<Settings[Way]> };

function variant(summary: string, { whole, pairs, revealed }: Changes): PolicyEntry {
  const plan = createForesight({
    whole: { ...defaults.whole, ...whole },
    pairs: { ...defaults.pairs, ...pairs },
    revealed: { ...defaults.revealed, ...revealed },
  });
  return { plan, summary, whenIdle: true, lasting: keepLearnt };
}

export const foresightAblations = {
  "foresight-search": variant("foresight that keeps the best of its constructions", {
    whole: { visits: 0, firstVisits: 0, batchedVisits: 0, firstBatchedVisits: 0 },
    pairs: { plan: { ...planned, visits: 0 } },
    revealed: { visits: 0 },
  }),
  "foresight-prefetch": variant("foresight that loads nothing ahead of need", {
    whole: { prefetch: false, preload: false },
  }),
  "foresight-preload": variant("foresight that loads only what it plans", { whole: { preload: false } }),
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
  "foresight@solver": variant("foresight that has a solver re-place some stages before it anneals", {
    whole: { replace: true },
  }),
} as const satisfies Record<string, PolicyEntry>;

export const foresightPolicies = {
  foresight: {
    ...variant("a complete plan of all that is visible, improved at every event", {}),
    quick: createForesight(quick, combineBySearch),
    lone: createLoneForesight(),
  },
  ...foresightAblations,
} as const satisfies Record<string, PolicyEntry>;
