/** Holds back what a plan would begin or load, if because of it a stage that has waited longer could not begin in time any more. */

import type { Decision, Place, Prefetch } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import { defer } from "./choose.ts";
import { firstBeginUs } from "./in-time.ts";
import { createPicture, foresee, toCandidate } from "./picture.ts";
import type { View } from "./policy.ts";

/** Asks to be asked again when one of those held back must go on. */
export function admitInTime(
  view: View,
  decisions: readonly Decision[],
  dueUs: (stage: VisibleModelStage) => number,
): readonly Decision[] {
  const ready = new Map(view.ready.map((stage) => [stage.key, stage]));
  const held = oldestOfModels(view, decisions);
  if (held.length === 0) return decisions;
  const admitted: Decision[] = [];
  let picture: View = { ...view, ...createPicture(view) };
  for (const decision of decisions) {
    if (decision.kind !== "place" && decision.kind !== "prefetch") {
      if (decision.kind !== "defer" || !held.some(({ key }) => key === decision.stage)) admitted.push(decision);
      continue;
    }
    const stage = decision.kind === "place" ? ready.get(decision.stage) : undefined;
    const engines = decision.kind === "place" ? decision.shares.map(({ engine }) => engine) : [decision.engine];
    const ownUs = stage === undefined ? Infinity : dueUs(stage);
    const atStake = held.filter(
      (other) => dueUs(other) < ownUs && firstBeginUs(picture, other, dueUs(other), engines) >= dueUs(other),
    );
    const after = { ...picture, cluster: picture.cluster.fork() };
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
    // Though nothing happens until then, it is at stake from then on.
    const leftUs = dueUs(stage) - firstBeginUs(picture, stage);
    return { ...defer(stage, "better-later"), untilUs: leftUs > 0 ? view.nowUs + leftUs : dueUs(stage) };
  });
  return [...admitted, ...waits];
}

/** Of what the plan does not place: with more time and for the same engines, the others of a model are in time if its oldest is. */
function oldestOfModels({ ready }: View, decisions: readonly Decision[]): readonly VisibleModelStage[] {
  const placed = new Set(decisions.flatMap((decision) => (decision.kind === "place" ? [decision.stage] : [])));
  const oldest = new Map<string, VisibleModelStage>();
  for (const stage of ready) if (!placed.has(stage.key) && !oldest.has(stage.model)) oldest.set(stage.model, stage);
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
