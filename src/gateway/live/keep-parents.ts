/** A stage as it is told to those who do not know all that was before it. */

import type { VisibleParent } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";

type WithParents = { readonly parents: readonly VisibleParent[]; readonly unnamedParents?: number };

/** Parents that are not known are counted, not named. */
export function keepParents<Stage extends WithParents>(stage: Stage, isKnown: (parent: StageKey) => boolean): Stage {
  const parents = stage.parents.filter((parent) => isKnown(parent.stage));
  const unnamedParents = (stage.unnamedParents ?? 0) + stage.parents.length - parents.length;
  return unnamedParents === 0 ? stage : { ...stage, parents, unnamedParents };
}
