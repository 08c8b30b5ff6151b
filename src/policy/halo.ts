/**
 * Consolidates the ready stages whose prompts begin alike, and places each where it is expected to end first by what prefill, decode,
 * cache and load cost there; the first of a group computes what the others then find cached.
 *
 * J. Shen, N. Wadlom, Y. Lu, "Batch Query Processing and Optimization for Agentic Workflows" (Halo, arXiv 2509.02121, 2025), as
 * publicly described. Departures: the source plans a whole batch of workflows by beam search, here the ready stages are placed
 * one after another, anew at every event; equal calls are not merged into one, they run next to each other and share the cache;
 * prefixes do not move from one engine to another; and the oldest workflow goes first, so that work of several workflows is only
 * consolidated by where it goes: groups across workflows end a batch sooner, as the source wants, and a workflow later. What a stage will have cached is in the picture for the stages behind it.
 */

import type { Known } from "../cost/candidate.ts";
import type { EngineId } from "../model/cluster.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { oldestFirst, pickLeast } from "./choose.ts";
import { planByChoice } from "./place-by-choice.ts";
import type { Policy, View } from "./policy.ts";
import type { ShardSettings } from "./shards.ts";

export function createHalo({ mostShards }: ShardSettings): Policy {
  return (view) => ({
    decisions: planByChoice(view, consolidate(view), {
      hold: true,
      mostShards,
      pick: (candidates) => pickLeast(candidates, ({ endUs }) => endUs),
      prepare: (picture) => {
        for (const { id, running, queue } of view.cluster)
          for (const { stage } of [...running, ...queue]) foreseePrefix(picture, stage, id);
      },
      effect: (picture, stage, { shares }) => {
        for (const { engine } of shares) foreseePrefix(picture, stage, engine.id);
      },
    }),
  });
}

/**
 * The oldest workflow first; in it, ready stages of one model whose prompts begin alike stand together, where the first such stage
 * of an open workflow stood, whether it waits still or not: a group that has begun goes on. Visits every open stage once.
 */
function consolidate(view: View): VisibleModelStage[] {
  const groups = new Map<string, number>();
  for (const { stages } of view.workflows.open.values()) {
    for (const { stage, status } of stages.values()) {
      if (stage.kind === "tool" || status === "waiting") continue;
      const group = groupOf(stage);
      if (!groups.has(group)) groups.set(group, groups.size);
    }
  }
  const placeOf = (stage: VisibleModelStage): number => groups.get(groupOf(stage)) ?? 0;
  const arriveUs = ({ key }: VisibleModelStage): number => view.workflows.node(key).workflow.arriveUs;
  return oldestFirst(view).sort(
    (left, right) =>
      right.priority - left.priority || arriveUs(left) - arriveUs(right) || placeOf(left) - placeOf(right),
  );
}

function groupOf({ key, model, chain, sharedLinks }: VisibleModelStage): string {
  return sharedLinks === 0 ? key : `${model} ${chain[0]?.hash}`;
}

/** Behind this stage, the part of its prompt that others share is cached on its engine. */
function foreseePrefix({ cluster, nowUs }: Known, stage: VisibleModelStage, engine: EngineId): void {
  if (stage.sharedLinks === 0) return;
  const changed = cluster.change(engine);
  const budgetTokens = changed.prefixBudgetTokens(stage.model);
  changed.changePrefixes(stage.model).insert(stage.chain, stage.sharedLinks, budgetTokens, nowUs);
}
