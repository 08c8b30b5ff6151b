/** The answer for a call that is alone: where an engine holds its model and can begin it, no plan would have it elsewhere. */

import { isFeasible } from "../../../cost/candidate.ts";
import type { Place } from "../../../model/decision.ts";
import { pickEarliestWhole, toPlace } from "../../greedy-finish.ts";
import { canBegin, missingLoadUs } from "../../picture.ts";
import type { View } from "../../policy.ts";

export function createLoneRevealed(): (view: View) => Place | undefined {
  return (view) => {
    const [stage] = view.ready;
    if (stage === undefined) return undefined;
    // A load may push out what is called next, and of that a plan knows more.
    const best = pickEarliestWhole(view, stage, (each, engine) =>
      missingLoadUs(view, each, engine) > 0 || !canBegin(each, engine) || !isFeasible(view, each, engine)
        ? Infinity
        : 0,
    );
    const [share] = best?.shares ?? [];
    if (best === undefined || share === undefined || !canBegin(stage, share.engine)) return undefined;
    return missingLoadUs(view, stage, share.engine) > 0 ? undefined : toPlace(stage, best);
  };
}
