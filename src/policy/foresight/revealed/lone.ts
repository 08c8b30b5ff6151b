/**
 * The plan for a call that is alone: where engines hold its model and can begin it, it begins on the one of them where it ends first.
 * Whether a better one is to be had later is not asked. What it shows of its workflow is learned all the same.
 */

import { isFeasible } from "../../../cost/candidate.ts";
import type { Place } from "../../../model/decision.ts";
import type { VisibleModelStage } from "../../../model/visible.ts";
import { pickEarliestWhole, toPlace } from "../../greedy-finish.ts";
import { canBegin, missingLoadUs } from "../../picture.ts";
import type { Plan, View } from "../../policy.ts";
import { learnOf } from "./history.ts";
import { rememberedBy, type Memory } from "./revealed.ts";

export function planLone(view: View): Plan | undefined {
  const [stage] = view.ready;
  const place = stage && placeLone(view, stage);
  if (stage === undefined || place === undefined) return undefined;
  const { workflow } = view.workflows.node(stage.key);
  return { decisions: [place], memory: { history: learnOf(view, rememberedBy(view), workflow) } satisfies Memory };
}

function placeLone(view: View, stage: VisibleModelStage): Place | undefined {
  // A load may push out what is called next, and of that a plan knows more.
  const best = pickEarliestWhole(view, stage, (each, engine) =>
    missingLoadUs(view, each, engine) > 0 || !canBegin(each, engine) || !isFeasible(view, each, engine) ? Infinity : 0,
  );
  const [share] = best?.shares ?? [];
  if (best === undefined || share === undefined || !canBegin(stage, share.engine)) return undefined;
  return missingLoadUs(view, stage, share.engine) > 0 ? undefined : toPlace(stage, best);
}
