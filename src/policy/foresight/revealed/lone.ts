/**
 * The plan for a call that is alone: where it ends first on an engine that holds its model and can begin it, it begins there. What it
 * shows of its workflow is learned all the same.
 */

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

/** Where waiting or a load would end it sooner, a plan knows more: of what is called next, too, which the load may push out. */
function placeLone(view: View, stage: VisibleModelStage): Place | undefined {
  const best = pickEarliestWhole(view, stage);
  const [share] = best?.shares ?? [];
  if (best === undefined || share === undefined || !canBegin(stage, share.engine)) return undefined;
  return missingLoadUs(view, stage, share.engine) > 0 ? undefined : toPlace(stage, best);
}
