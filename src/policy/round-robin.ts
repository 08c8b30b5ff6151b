/** Places each stage on the next engine in turn that may take it. */

import { isFeasible } from "../cost/candidate.ts";
import { createLoads, placeWhole } from "./choose.ts";
import type { Policy } from "./policy.ts";

export const roundRobin: Policy = (view) => {
  const { cluster } = view;
  const loads = createLoads(view);
  let turn = view.workflows.placedCount;
  const decisions = view.ready.map((stage) => {
    for (let tried = 0; tried < cluster.count; tried++) {
      const engine = cluster.at(turn++ % cluster.count);
      if (isFeasible(view, stage, engine)) return placeWhole(view, stage, engine, 0, loads);
    }
    return placeWhole(view, stage, undefined, 0, loads);
  });
  return { decisions };
};
