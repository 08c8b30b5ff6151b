/** `foresight`, and the same with one thing less or more. */

import type { PolicyEntry } from "../policy.ts";
import { combineBySearch } from "../fate/plan.ts";
import { createForesight, createLoneForesight } from "./foresight.ts";
import { keepLearnt } from "./lasting.ts";
import { fixedPairs, switchingPairs as pairs, type PairsSettings } from "./pairs/settings.ts";
import { revealedDefaults as revealed, revealedQuickly, type RevealedSettings } from "./revealed/settings.ts";
import { foresightDefaults, type ForesightSettings } from "./settings.ts";

/** Nothing that keeps a gateway waiting for long. */
const quick: Partial<ForesightSettings> = {
  visits: 4000,
  firstVisits: 8000,
  batchedVisits: 1000,
  firstBatchedVisits: 2000,
  revealed: revealedQuickly,
};

function variant(summary: string, changes: Partial<ForesightSettings>): PolicyEntry {
  const plan = createForesight({ ...foresightDefaults, ...changes });
  return { plan, summary, whenIdle: true, lasting: keepLearnt };
}

function onPairs(changes: Partial<PairsSettings>): Pick<ForesightSettings, "pairs"> {
  return { pairs: { ...pairs, ...changes } };
}

function onRevealed(changes: Partial<RevealedSettings>): Pick<ForesightSettings, "revealed"> {
  return { revealed: { ...revealed, ...changes } };
}

export const foresightAblations = {
  "foresight-search": variant("foresight that keeps the best of its constructions", {
    visits: 0,
    firstVisits: 0,
    batchedVisits: 0,
    firstBatchedVisits: 0,
    ...onPairs({ plan: { ...pairs.plan, visits: 0 } }),
    ...onRevealed({ visits: 0 }),
  }),
  "foresight-prefetch": variant("foresight that loads nothing ahead of need", { prefetch: false, preload: false }),
  "foresight-preload": variant("foresight that loads only what it plans", { preload: false }),
  "foresight-history": variant("foresight that knows nothing of what workflows called before", {
    history: false,
    ...onPairs({ history: undefined }),
    ...onRevealed({ history: false }),
  }),
  "foresight-tail": variant("foresight that does not mind how long the slowest takes", { tail: 0 }),
  "foresight-shards": variant("foresight that never splits a stage", { mostShards: 1 }),
  "foresight-residency": variant("foresight to which models that plans leave out of memory are worth nothing", {
    ...onRevealed({ missing: 0 }),
  }),
  "foresight-roles": variant("foresight that leaves engines their roles", { pairs: fixedPairs }),
  "foresight-lending": variant("foresight that has no engine decode because prefill has time to spare", {
    ...onPairs({ roles: { ...pairs.roles, lend: undefined } }),
  }),
  "foresight-slack": variant("foresight to which every prompt that waits is a loss, whether or not it could wait", {
    ...onPairs({ roles: { ...pairs.roles, holdUp: undefined } }),
  }),
  "foresight-price": variant("foresight that does not ask what prompt work costs those that wait", {
    ...onPairs({ care: { ...pairs.care, price: 0 } }),
  }),
  "foresight-batches": variant("foresight that takes prompts in as many at a time as engines can", {
    ...onPairs({ care: { ...pairs.care, batchUs: Infinity, fullBatchUs: Infinity } }),
  }),
  "foresight@solver": variant("foresight that has a solver re-place some stages before it anneals", { replace: true }),
} as const satisfies Record<string, PolicyEntry>;

export const foresightPolicies = {
  foresight: {
    ...variant("a complete plan of all that is visible, improved at every event", {}),
    quick: createForesight({ ...foresightDefaults, ...quick }, combineBySearch),
    lone: createLoneForesight(),
  },
  ...foresightAblations,
} as const satisfies Record<string, PolicyEntry>;
