/**
 * Places each stage on the engine with fewer shares of two drawn at random.
 *
 * M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001.
 * Departure: the two are drawn with repetition, and what the plan has placed so far counts as load.
 */

import { isFeasible } from "../cost/candidate.ts";
import type { EngineState } from "../state/engine-state.ts";
import { canDecode, createLoads, drawEngine, pickLeast, placeOn } from "./choose.ts";
import type { Policy } from "./policy.ts";

export const powerOfTwo: Policy = (view) => {
  const loads = createLoads(view);
  const pickOfTwo = (passes: (engine: EngineState) => boolean): EngineState | undefined => {
    const two = [drawEngine(view, passes), drawEngine(view, passes)].filter((drawn) => drawn !== undefined);
    const picked = pickLeast(two, loads.of);
    loads.add(picked?.id);
    return picked;
  };
  const decisions = view.ready.map((stage) => {
    const engine = pickOfTwo((drawn) => isFeasible(view, stage, drawn));
    return placeOn(stage, engine, () => pickOfTwo((drawn) => canDecode(stage, drawn)));
  });
  return { decisions };
};
