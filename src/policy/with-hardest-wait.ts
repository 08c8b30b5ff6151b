/**
 * Any policy, with a bound on how long it may hold a stage back. Every reordering needs such a bound, or a stage of a rarely used
 * model starves. Three rules keep it:
 *
 * - Nothing is begun or loaded because of which a stage that has waited longer could not begin in time any more, or would be
 *   even later.
 * - What must begin now to begin in time does so; what has waited that long goes where it begins next, ahead of all that is queued
 *   there, and the engine takes nothing else until it has begun.
 * - Of those that have waited that long, the oldest goes first. But an engine is turned to another model only after those that need
 *   no load and came less than a hardest wait later, or else it would be turned for each of them.
 *
 * What they cannot prevent: an answer that was under way before or takes far longer than expected, and more stages of different
 * models at once than there are engines to hold these.
 */

import { isFeasible } from "../cost/candidate.ts";
import type { EngineId } from "../model/cluster.ts";
import type { Decision, Place } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { StageKey } from "../model/workflow.ts";
import type { EngineState } from "../state/engine-state.ts";
import { admitInTime } from "./admit-in-time.ts";
import { defer } from "./choose.ts";
import { likenessOf, type Likeness } from "./likeness.ts";
import { mostHeld, pickEarliestWhole, toPlace } from "./greedy-finish.ts";
import { beginsByUs, firstBeginUs, firstRank, hasEngine } from "./in-time.ts";
import { canBegin, createPicture, foresee, type Candidate } from "./picture.ts";
import type { Policy, View } from "./policy.ts";

type DueUs = (stage: VisibleModelStage) => number;

export function withHardestWait(plan: Policy, mostUs: number): Policy {
  return (view) => {
    const dueUs: DueUs = ({ key }) => view.workflows.node(key).readyUs + mostUs;
    const { decisions, stages, lined, left } = claim(view, inTurn(view, dueUs, mostUs));
    const made = plan(left);
    const isBehind = (decision: Decision): decision is Place =>
      decision.kind === "place" && decision.shares.some(({ engine }) => lined.has(engine));
    const others = made.decisions
      // It may know the stages claimed from their workflows.
      .filter((decision) => !("stage" in decision) || !stages.has(decision.stage))
      .map((decision): Decision =>
        isBehind(decision) ? { kind: "defer", stage: decision.stage, reason: "better-later" } : decision,
      );
    return { ...made, decisions: [...decisions, ...admitInTime(left, others, dueUs)] };
  };
}

/** A stage when it is its turn to be claimed; without `mayTurn`, only for an engine that will hold its model. */
type Turn = { readonly stage: VisibleModelStage; readonly untilUs: number; readonly mayTurn: boolean };

/** The oldest first. Each comes twice: for an engine that must load for it, as if it had come a hardest wait later. */
function inTurn(view: View, dueUs: DueUs, mostUs: number): readonly Turn[] {
  const turns: (Turn & { readonly atUs: number })[] = [];
  for (const stage of view.ready) {
    const untilUs = dueUs(stage);
    const isOverdue = untilUs <= view.nowUs;
    turns.push({ stage, untilUs, mayTurn: false, atUs: untilUs });
    turns.push({ stage, untilUs, mayTurn: true, atUs: Math.min(untilUs + mostUs, isOverdue ? view.nowUs : Infinity) });
  }
  return turns.sort((left, right) => left.atUs - right.atUs);
}

type Claimed = {
  readonly decisions: readonly Decision[];
  readonly stages: ReadonlySet<StageKey>;
  /** Engines that some of these stand in line for: nothing else is placed there. */
  readonly lined: ReadonlySet<EngineId>;
  /** What there is to be decided beside them. */
  readonly left: View;
};

/**
 * Places what cannot wait any longer, as far as it can begin, and on each engine one more, for which that is kept free. The rest
 * stands in line in the picture alone, and is decided anew when something has changed: bound to a queue, it could not go where
 * there is room first.
 */
function claim(view: View, turns: readonly Turn[]): Claimed {
  const decisions: Decision[] = [];
  const stages = new Set<StageKey>();
  const lined = new Set<EngineId>();
  const kept = new Set<EngineId>();
  for (const { id, queue } of view.cluster) if (queue.some(({ rank }) => rank <= firstRank)) kept.add(id);
  const held = new Map<Likeness, number>();
  // Of those alike the oldest that has an engine answers for the others: they have more time, and the same engines.
  const inTime = new Set<Likeness>();
  let picture = view;
  for (const { stage, untilUs, mayTurn } of turns) {
    if (stages.has(stage.key)) continue;
    const likeness = likenessOf(stage);
    if (untilUs > view.nowUs && inTime.has(likeness)) continue;
    if (untilUs > view.nowUs && mayWait(picture, stage, untilUs)) {
      if (hasEngine(picture, stage)) inTime.add(likeness);
      continue;
    }
    const alike = held.get(likeness) ?? 0;
    // Behind so many, the next ones that are alike stand without a closer look.
    if (alike === mostHeld) {
      stages.add(stage.key);
      decisions.push(defer(stage, "better-later"));
      continue;
    }
    const best = pickInTime(picture, stage, Math.max(untilUs, view.nowUs));
    if (best === undefined || (!mayTurn && best.shares.some(({ cost }) => cost.loadUs > 0))) continue;
    if (picture === view) picture = { ...view, ...createPicture(view) };
    stages.add(stage.key);
    const engines = best.shares.map(({ engine }) => engine);
    const isBehind = engines.some(({ id }) => kept.has(id) && !hasYounger(view, view.cluster.engine(id), stage));
    if (isBehind) {
      held.set(likeness, alike + 1);
      for (const { id } of engines) lined.add(id);
    } else for (const engine of engines) if (!canBegin(stage, engine)) kept.add(engine.id);
    decisions.push(
      isBehind ? defer(stage, "better-later") : { ...toPlace(stage, best), rank: firstRank, reason: "waited longest" },
    );
    foresee(picture, stage, best);
    inTime.clear();
  }
  const left = { ...picture, ready: view.ready.filter(({ key }) => !stages.has(key)) };
  return { decisions, stages, lined, left: stages.size === 0 ? view : left };
}

/** Whether somebody is in the queue who would go before the stage only because that is not. */
function hasYounger({ workflows }: View, { queue }: EngineState, { key }: VisibleModelStage): boolean {
  const { readyUs } = workflows.node(key);
  return queue.some(({ rank, stage }) => rank > firstRank && workflows.node(stage.key).readyUs > readyUs);
}

/** Time is left, or there is no engine to begin it now. */
function mayWait(picture: View, stage: VisibleModelStage, untilUs: number): boolean {
  if (firstBeginUs(picture, stage, untilUs) < untilUs) return true;
  for (const engine of picture.cluster) if (canBegin(stage, engine) && isFeasible(picture, stage, engine)) return false;
  return true;
}

/** Where it begins in time, else where it begins next; of such engines where it ends first. */
function pickInTime(picture: View, stage: VisibleModelStage, untilUs: number): Candidate | undefined {
  const lateUs = (each: VisibleModelStage, engine: EngineState): number =>
    Math.max(0, beginsByUs(picture, each, engine) - untilUs);
  return pickEarliestWhole(picture, stage, lateUs);
}
