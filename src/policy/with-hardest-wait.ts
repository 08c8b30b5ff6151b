/**
 * Any policy, with a bound on how long it may hold a stage back. Every reordering needs such a bound, or a stage of a rarely used
 * model starves. Two rules keep it:
 *
 * - Nothing is begun or loaded because of which a stage that has waited longer could not begin in time any more, or would be
 *   even later.
 * - What must begin now to begin in time does so; what has waited that long goes where it begins next, ahead of all that is queued
 *   there, and the engine takes nothing else until it has begun.
 *
 * What they cannot prevent: an answer that was under way before or takes far longer than expected, and more stages of different
 * models at once than there are engines to hold these.
 */

import { isFeasible } from "../cost/candidate.ts";
import type { Decision } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState } from "../state/engine-state.ts";
import { admitInTime } from "./admit-in-time.ts";
import { pickEarliestWhole, toPlace } from "./greedy-finish.ts";
import { beginsByUs, firstBeginUs, firstRank } from "./in-time.ts";
import { canBegin, createPicture, foresee, type Candidate } from "./picture.ts";
import type { Policy, View } from "./policy.ts";

export function withHardestWait(plan: Policy, mostUs: number): Policy {
  return (view) => {
    const dueUs = ({ key }: VisibleModelStage): number => view.workflows.node(key).readyUs + mostUs;
    const { decisions, stages, left } = claim(view, dueUs);
    const made = plan(left);
    // It may know the stages claimed from their workflows.
    const others = made.decisions.filter((decision) => !("stage" in decision) || !stages.has(decision.stage));
    return { ...made, decisions: [...decisions, ...admitInTime(left, others, dueUs)] };
  };
}

type Claimed = {
  readonly decisions: readonly Decision[];
  readonly stages: ReadonlySet<string>;
  /** What there is to be decided beside them. */
  readonly left: View;
};

/** Places what cannot wait any longer. */
function claim(view: View, dueUs: (stage: VisibleModelStage) => number): Claimed {
  const decisions: Decision[] = [];
  const stages = new Set<string>();
  // Of one model the oldest stage answers for the others: they have more time, and the same engines.
  const inTime = new Set<string>();
  let picture = view;
  for (const stage of view.ready) {
    const untilUs = dueUs(stage);
    if (untilUs > view.nowUs && (inTime.has(stage.model) || mayWait(picture, stage, untilUs))) {
      inTime.add(stage.model);
      continue;
    }
    const best = pickInTime(picture, stage, Math.max(untilUs, view.nowUs));
    if (best === undefined) continue;
    if (stages.size === 0) picture = { ...view, ...createPicture(view) };
    decisions.push({ ...toPlace(stage, best), rank: firstRank, reason: "waited longest" });
    stages.add(stage.key);
    foresee(picture, stage, best);
    inTime.clear();
  }
  const left = stages.size === 0 ? view : { ...picture, ready: view.ready.filter(({ key }) => !stages.has(key)) };
  return { decisions, stages, left };
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
