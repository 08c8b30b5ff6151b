/**
 * Plans the stages that are ready and those soon to be, together, by the state that each placement leaves behind.
 *
 * FATE: Future-State-Aware Scheduling for Heterogeneous LLM Workflows (arXiv 2605.07238), as publicly described: a frontier
 * planned again and again with CP-SAT, candidates scored by immediate cost and by the state they induce over a horizon, bounded
 * shards, costs conditional on state. Which formulas are ours, and why, stands in the README of this folder.
 */

import type { VisibleModelStage } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";
import { isAtRest } from "../at-rest.ts";
import { planEarliestFinish } from "../greedy-finish.ts";
import type { Candidate } from "../picture.ts";
import type { Plan, Policy, View } from "../policy.ts";
import { bestShards } from "../shards.ts";
import { dispatch } from "./dispatch.ts";
import { Forecast } from "./forecast.ts";
import { pickFrontier, type Frontier, type FrontierMemory } from "./frontier.ts";
import { combineBySolver, planFrontier, type Combine, type FrontierPlan } from "./plan.ts";
import type { FateSettings } from "./settings.ts";

type Memory = {
  readonly frontier: FrontierMemory;
  /** Where the last plan put each stage of its frontier: an engine's position. */
  readonly placements: Readonly<Record<StageKey, number>>;
};

export function createFate(settings: FateSettings, combine: Combine = combineBySolver()): Policy {
  return (view) => planAhead(view, settings, combine);
}

function planAhead(view: View, settings: FateSettings, combine: Combine): Plan {
  const before = view.memory as Memory | undefined;
  const frontier = pickFrontier(view, settings, before?.frontier);
  // A fleet whose engines hand over from prefill to decode is served in the frontier's order, each stage by its earliest end.
  if ([...view.cluster].some(({ role }) => role !== "both")) return serveInOrder(view, frontier, settings);
  const forecast = new Forecast(view, frontier, splitsOf(view, frontier, settings), settings);
  const plan = planFrontier(forecast, lastPlacements(frontier, before), settings, combine);
  const decisions = dispatch(view, forecast, plan, settings);
  const begins = decisions.some(({ kind }) => kind === "place");
  if (!begins && view.ready.length > 0 && isAtRest(view)) return serveInOrder(view, frontier, settings);
  const memory: Memory = { frontier: frontier.memory, placements: toRemember(frontier, plan, forecast) };
  return { decisions, memory, ...(plan.note === undefined ? {} : { note: plan.note }) };
}

function serveInOrder(view: View, frontier: Frontier, { mostShards }: FateSettings): Plan {
  const inFrontier = frontier.stages.flatMap(({ stage, ready }) => (ready ? [stage] : []));
  const order = [...inFrontier, ...frontier.beyond].filter(
    (stage): stage is VisibleModelStage => stage.kind !== "tool",
  );
  const memory: Memory = { frontier: frontier.memory, placements: {} };
  return { decisions: planEarliestFinish(view, order, { hold: true, mostShards }), memory };
}

/** Bounded shards: of each ready stage with several items the split that ends first, where engines of a host are free for it. */
function splitsOf(view: View, { stages }: Frontier, { mostShards }: FateSettings): readonly (Candidate | undefined)[] {
  return stages.map(({ stage, ready }) =>
    ready && stage.kind !== "tool" && stage.items > 1 && mostShards > 1
      ? bestShards(view, stage, mostShards)
      : undefined,
  );
}

function lastPlacements({ stages }: Frontier, before: Memory | undefined): Int32Array | undefined {
  if (before === undefined) return undefined;
  return Int32Array.from(stages, ({ stage }) => before.placements[stage.key] ?? -1);
}

function toRemember(
  { stages }: Frontier,
  { placements }: FrontierPlan,
  { shards }: Forecast,
): Record<StageKey, number> {
  const remembered: Record<StageKey, number> = {};
  for (const [position, { stage }] of stages.entries()) {
    const placement = placements[position] ?? -1;
    if (placement >= 0 && placement < shards) remembered[stage.key] = placement;
  }
  return remembered;
}
