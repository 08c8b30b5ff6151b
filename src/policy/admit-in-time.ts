/** Holds back what a plan would begin or load, if because of it a stage that has waited longer could not begin in time any more. */

import type { Decision, Place, Prefetch } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { defer } from "./choose.ts";
import { likenessOf, type Likeness } from "./likeness.ts";
import { firstBeginUs, hasEngine } from "./in-time.ts";
import { createPicture, foresee, toCandidate } from "./picture.ts";
import type { View } from "./policy.ts";

/** Asks to be asked again when one of those held back must go on. */
export function admitInTime(
  view: View,
  decisions: readonly Decision[],
  dueUs: (stage: VisibleModelStage) => number,
): readonly Decision[] {
  const ready = new Map(view.ready.map((stage) => [stage.key, stage]));
  const held = oldestOfAlike(view, decisions);
  if (held.length === 0) return decisions;
  const admitted: Decision[] = [];
  const wishedUs = new Map<string, number>();
  let picture: View = { ...view, ...createPicture(view) };
  for (const decision of decisions) {
    if (decision.kind !== "place" && decision.kind !== "prefetch") {
      if (decision.kind !== "defer" || !held.some(({ key }) => key === decision.stage)) admitted.push(decision);
      else if (decision.untilUs !== undefined) wishedUs.set(decision.stage, decision.untilUs);
      continue;
    }
    const stage = decision.kind === "place" ? ready.get(decision.stage) : undefined;
    const engines = decision.kind === "place" ? decision.shares.map(({ engine }) => engine) : [decision.engine];
    const ownUs = stage === undefined ? Infinity : dueUs(stage);
    const atStake = held.filter(
      (other) => dueUs(other) < ownUs && firstBeginUs(picture, other, dueUs(other), engines) >= dueUs(other),
    );
    const after = atStake.length === 0 ? picture : { ...picture, cluster: picture.cluster.fork() };
    if (decision.kind === "place") begin(after, decision, stage);
    else load(after, decision);
    const isDelayed = (other: VisibleModelStage): boolean => {
      const untilUs = Math.max(dueUs(other), firstBeginUs(picture, other));
      return firstBeginUs(after, other, untilUs) > untilUs;
    };
    if (!atStake.some(isDelayed)) {
      picture = after;
      admitted.push(decision);
    } else if (stage !== undefined) admitted.push(defer(stage, "better-later"));
  }
  const waits = held.map((stage) => {
    // What is overdue and still here waits for an engine: no time that passes helps it.
    const leftUs = dueUs(stage) - Math.max(view.nowUs, firstBeginUs(picture, stage));
    const atStakeUs = dueUs(stage) <= view.nowUs ? Infinity : leftUs > 0 ? view.nowUs + leftUs : dueUs(stage);
    const untilUs = Math.min(atStakeUs, wishedUs.get(stage.key) ?? Infinity);
    return { ...defer(stage, "better-later"), ...(untilUs === Infinity ? {} : { untilUs }) };
  });
  return [...admitted, ...waits];
}

/**
 * Of what the plan does not place: with more time and for the same engines, those alike are in time if the oldest of them is. One
 * that can go nowhere answers for nobody.
 */
function oldestOfAlike(view: View, decisions: readonly Decision[]): readonly VisibleModelStage[] {
  const placed = new Set(decisions.flatMap((decision) => (decision.kind === "place" ? [decision.stage] : [])));
  const oldest = new Map<Likeness, VisibleModelStage>();
  for (const stage of view.ready) {
    const likeness = likenessOf(stage);
    if (!placed.has(stage.key) && !oldest.has(likeness) && hasEngine(view, stage)) oldest.set(likeness, stage);
  }
  return [...oldest.values()];
}

function begin(picture: View, { shares }: Place, stage: VisibleModelStage | undefined): void {
  if (stage === undefined) return;
  for (const { engine } of shares) foresee(picture, stage, toCandidate(picture, stage, picture.cluster.engine(engine)));
}

function load({ cluster, costs, nowUs }: View, { engine: id, model }: Prefetch): void {
  const engine = cluster.change(id);
  engine.loadEndUs = nowUs + (costs.engine(id).models.get(model)?.loadUs ?? 0);
  if (!engine.foreseen.some((held) => held.model === model))
    engine.foreseen = [...engine.foreseen, { model, bytes: 0, loading: true }];
}
