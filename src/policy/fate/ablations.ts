/** `fate` with one thing less, or with another bound: what `fate bench ablation` compares. */

import type { PolicyEntry } from "../policy.ts";
import { solveGreedily } from "../../solve/greedy.ts";
import { createFate } from "./fate.ts";
import type { Combine } from "./plan.ts";
import { fateDefaults, type Dimensions, type FateSettings } from "./settings.ts";

function without(...dimensions: readonly (keyof Dimensions)[]): Partial<FateSettings> {
  const off = Object.fromEntries(dimensions.map((dimension) => [dimension, 0]));
  return { dimensions: { ...fateDefaults.dimensions, ...off } };
}

function variant(summary: string, changes: Partial<FateSettings>, combine?: Combine): PolicyEntry {
  return { plan: createFate({ ...fateDefaults, ...changes }, combine), summary: `fate ${summary}`, whenIdle: true };
}

export const fateAblations = {
  "fate-residency": variant("that does not see which models are resident", without("residency")),
  "fate-locality": variant("that does not see where outputs lie", without("locality")),
  "fate-prefix": variant("that does not see what is cached", without("prefix")),
  "fate-reachability": variant("that does not see which engines links still lead to", without("reachability")),
  "fate-all-but-prefix": variant("that sees cached prefixes alone", without("residency", "locality", "reachability")),
  "fate-state": variant("that sees nothing of the state", without("residency", "locality", "prefix", "reachability")),
  "fate@horizon=0": variant("that looks at ready stages only", { horizonHops: 0 }),
  "fate@horizon=1": variant("that looks one step ahead", { horizonHops: 1 }),
  "fate@horizon=2": variant("that looks two steps ahead", { horizonHops: 2 }),
  "fate@horizon=3": variant("that looks three steps ahead", { horizonHops: 3 }),
  "fate@horizon=8": variant("that looks eight steps ahead", { horizonHops: 8 }),
  "fate-shards": variant("that never splits a stage", { mostShards: 1 }),
  "fate-prefetch": variant("that loads nothing ahead of need", { prefetch: false }),
  "fate@patience=0": variant("that serves the workflow with the least work left first", { patience: 0 }),
  "fate@solver=greedy": variant("with each stage choosing for itself", {}, solveGreedily),
  "fate@rounds=0": variant("that keeps the greedy forecast", { rounds: 0 }),
  "fate@paired=0": variant("without joint terms", { paired: 0 }),
  "fate@candidates=2": variant("that weighs two placements a stage", { candidates: 2 }),
  "fate@candidates=8": variant("that weighs eight placements a stage", { candidates: 8 }),
  "fate@frontier=12": variant("that looks at 12 stages", { frontierStages: 12 }),
  "fate@frontier=96": variant("that looks at 96 stages", { frontierStages: 96 }),
} as const satisfies Record<string, PolicyEntry>;
