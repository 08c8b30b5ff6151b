/**
 * Places each stage on the engine with the fewest shares, queued or running: "least outstanding requests", as load balancers
 * in front of model servers do it. It does not ask which model an engine holds or how fast it is.
 */

import { isFeasible } from "../cost/candidate.ts";
import { createLoads, pickLeastLoaded, placeWhole } from "./choose.ts";
import type { Policy } from "./policy.ts";

export const leastLoaded: Policy = (view) => {
  const loads = createLoads(view);
  const decisions = view.ready.map((stage) => {
    const engine = pickLeastLoaded(view, loads, (candidate) => isFeasible(view, stage, candidate));
    return placeWhole(view, stage, engine, 0, loads);
  });
  return { decisions };
};
