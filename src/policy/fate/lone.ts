/**
 * The short way for a stage that is alone: nothing else is ready, nothing visible waits. What is left of the score is when it ends
 * and, where these have a price, the load that it needs and the models that make way for it. Holds itself back where it could not
 * begin at once, and where a stage of several items might be split.
 *
 * Equal engines that are free get it as a whole plan would have it. Elsewhere a plan may put up with a later end: it prices the
 * time of faster engines, and what a fuller batch costs those in it.
 */

import type { Place } from "../../model/decision.ts";
import { pickEarliestWhole, toPlace } from "../greedy-finish.ts";
import { canBegin, missingLoadUs } from "../picture.ts";
import type { Plan, View } from "../policy.ts";
import type { AfterUs } from "../shards.ts";
import { heldElsewhereFirst, lastCopiesUs } from "./last-copies.ts";
import type { FateSettings } from "./settings.ts";

export function createLone(settings: FateSettings): (view: View) => Plan | undefined {
  return (view) => {
    const place = placeAlone(view, settings);
    return place && { decisions: [place], memory: view.memory };
  };
}

function placeAlone(view: View, { reload, loadTime }: FateSettings): Place | undefined {
  const [stage] = view.ready;
  if (stage === undefined || stage.items > 1) return undefined;
  const laterUs: AfterUs = (each, engine) => {
    const loadUs = missingLoadUs(view, each, engine);
    return loadUs === 0 ? 0 : loadTime * loadUs + reload * lastCopiesUs(view, each, engine);
  };
  const best = pickEarliestWhole(view, stage, reload > 0 || loadTime > 0 ? laterUs : undefined);
  const [share] = best?.shares ?? [];
  if (best === undefined || share === undefined || !canBegin(stage, share.engine)) return undefined;
  const place = toPlace(stage, best);
  return reload > 0 ? { ...place, victims: heldElsewhereFirst(view, share.engine) } : place;
}
