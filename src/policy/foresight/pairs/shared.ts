/** Whether engines could serve several of the models that are called now, or held, one at a time. */

import { mixesModels } from "../../../model/cluster.ts";
import type { View } from "../../policy.ts";

export function isShared({ cluster, ready }: View): boolean {
  const able = [...cluster].filter(({ holding }) => holding.models.size > 1 && !mixesModels(holding.engine));
  if (able.length === 0) return false;
  const called = new Set(ready.map(({ model }) => model));
  for (const { running, queue, residents } of cluster) {
    for (const { model } of residents) called.add(model);
    for (const { stage } of [...running, ...queue]) called.add(stage.model);
  }
  return able.some(({ holding }) => [...called].filter((model) => holding.models.has(model)).length > 1);
}
