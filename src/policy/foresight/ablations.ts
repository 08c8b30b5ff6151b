/** `foresight`, and the same with one thing less or more. */

import type { PolicyEntry } from "../policy.ts";
import { combineBySearch } from "../fate/plan.ts";
import { createForesight, createLoneForesight } from "./foresight.ts";
import { foresightDefaults, type ForesightSettings } from "./settings.ts";

/** Nothing that keeps a gateway waiting for long. */
const quick: Partial<ForesightSettings> = {
  visits: 4000,
  firstVisits: 8000,
  batchedVisits: 1000,
  firstBatchedVisits: 2000,
};

function variant(summary: string, changes: Partial<ForesightSettings>): PolicyEntry {
  return { plan: createForesight({ ...foresightDefaults, ...changes }), summary, whenIdle: true };
}

export const foresightPolicies = {
  foresight: {
    ...variant("a complete plan of all that is visible, improved at every event", {}),
    quick: createForesight({ ...foresightDefaults, ...quick }, combineBySearch),
    lone: createLoneForesight(),
  },
  "foresight-search": variant("foresight that keeps the best of its constructions", {
    visits: 0,
    firstVisits: 0,
    batchedVisits: 0,
    firstBatchedVisits: 0,
  }),
  "foresight-prefetch": variant("foresight that loads nothing ahead of need", { prefetch: false, preload: false }),
  "foresight-preload": variant("foresight that loads only what it plans", { preload: false }),
  "foresight-history": variant("foresight that knows nothing of what workflows called before", { history: false }),
  "foresight-tail": variant("foresight that does not mind how long the slowest takes", { tail: 0 }),
  "foresight-shards": variant("foresight that never splits a stage", { mostShards: 1 }),
  "foresight-roles": variant("foresight that leaves engines their roles", { roles: false }),
  "foresight@solver": variant("foresight that has a solver re-place some stages before it anneals", { replace: true }),
} as const satisfies Record<string, PolicyEntry>;
