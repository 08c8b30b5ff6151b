/** Keeps what is cached of the prompts that come next, until about the time when they have come and gone. */

import type { Retain } from "../../model/decision.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { PrefixCache } from "../../state/prefix-cache.ts";
import { createMeanCosts } from "../heft/mean-costs.ts";
import type { View } from "../policy.ts";

/** Until when each prefix is kept, by engine, model and last link. */
export type Retained = Readonly<Record<string, number>>;

export function planRetain(
  view: View,
  next: readonly VisibleModelStage[],
  remembered: Retained,
): { readonly retains: readonly Retain[]; readonly memory: Retained } {
  const { nowUs, cluster, workflows } = view;
  const memory = Object.fromEntries(Object.entries(remembered).filter(([, untilUs]) => untilUs > nowUs));
  const retains: Retain[] = [];
  const means = createMeanCosts(view);
  for (const stage of next) {
    for (const engine of cluster) {
      const cache = engine.prefixes.get(stage.model);
      if (!engine.up || cache === undefined || !engine.isResident(stage.model)) continue;
      const hash = lastCached(cache, stage);
      const key = [engine.id, stage.model, hash].join(" ");
      if (hash === undefined || memory[key] !== undefined) continue;
      const parentsUs = stage.parents.map((parent) => means.workUs(workflows.node(parent.stage).stage));
      const untilUs = nowUs + Math.max(0, ...parentsUs) + means.workUs(stage);
      memory[key] = untilUs;
      retains.push({ kind: "retain", engine: engine.id, model: stage.model, hash, untilUs });
    }
  }
  return { retains, memory };
}

/** The last link of the stage's prompt that is cached together with all before it. */
function lastCached(cache: PrefixCache, { chain }: VisibleModelStage): number | undefined {
  let tokens = 0;
  let last: number | undefined;
  for (const [index, { hash }] of chain.entries()) {
    const matched = cache.match(chain.slice(0, index + 1));
    if (matched === tokens) break;
    tokens = matched;
    last = hash;
  }
  return last;
}
