/** Places each stage on an engine drawn at random among those that may take it. */

import { isFeasible } from "../cost/candidate.ts";
import { canDecode, drawEngine, placeOn } from "./choose.ts";
import type { Policy } from "./policy.ts";

export const random: Policy = (view) => {
  const decisions = view.ready.map((stage) => {
    const engine = drawEngine(view, (drawn) => isFeasible(view, stage, drawn));
    return placeOn(stage, engine, () => drawEngine(view, (drawn) => canDecode(stage, drawn)));
  });
  return { decisions };
};
