/** Whether engines could serve several of the models that are called now, or held, one at a time. */

import type { EngineState } from "../../../state/engine-state.ts";
import type { View } from "../../policy.ts";

export function isShared({ cluster, ready }: View): boolean {
  const able = [...cluster].filter(({ holding }) => holding.models.size > 1 && !mixes(holding));
  if (able.length === 0) return false;
  const called = new Set(ready.map(({ model }) => model));
  for (const { running, queue, residents } of cluster) {
    for (const { model } of residents) called.add(model);
    for (const { stage } of [...running, ...queue]) called.add(stage.model);
  }
  return able.some(({ holding }) => [...called].filter((model) => holding.models.has(model)).length > 1);
}

/** An engine that serves whatever comes has no turns. */
export function mixes({ engine: { batching } }: EngineState["holding"]): boolean {
  return batching.kind === "batched" && batching.mixesModels === true;
}
