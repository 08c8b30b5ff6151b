/** Places each stage on the engine that has cached the most of its prompt, the least loaded of equals. */

import { createLoads, feasibleEngines, pickLeast, placeWhole } from "../../src/policy/choose.ts";
import type { Policy } from "../../src/policy/policy.ts";

export const warmestPrefix: Policy = (view) => {
  const loads = createLoads(view);
  const decisions = view.ready.map((stage) => {
    const engines = feasibleEngines(view, stage).sort((left, right) => loads.of(left) - loads.of(right));
    const warmest = pickLeast(engines, (engine) => -engine.cachedTokens(stage));
    return placeWhole(view, stage, warmest, 0, loads);
  });
  return { decisions };
};
