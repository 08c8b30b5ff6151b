/**
 * The short way for a stage that is alone: nothing else is ready, nothing visible waits, so no state that it leaves behind is of
 * use or harm to anybody known. What is left of the score is when it ends. Holds itself back where it could not begin at once,
 * and where a stage of several items might be split.
 *
 * Equal engines that are free get it as a whole plan would have it. Elsewhere a plan may put up with a later end: it prices the
 * time of faster engines, and what a fuller batch costs those in it.
 */

import type { Place } from "../../model/decision.ts";
import { pickEarliestWhole, toPlace } from "../greedy-finish.ts";
import { canBegin } from "../picture.ts";
import type { View } from "../policy.ts";

export function placeLone(view: View): Place | undefined {
  const [stage] = view.ready;
  if (stage === undefined || stage.items > 1) return undefined;
  const best = pickEarliestWhole(view, stage);
  const [share] = best?.shares ?? [];
  if (best === undefined || share === undefined || !canBegin(stage, share.engine)) return undefined;
  return toPlace(stage, best);
}
