/**
 * Places each stage on the engine that has cached the most of its prompt, and where engines are unevenly loaded, or too little
 * is cached anywhere, on the one with the fewest shares.
 *
 * The cache-aware policy of the SGLang Model Gateway (SMG), as its documentation describes it (lightseekorg/smg,
 * docs/concepts/routing/cache-aware.md). Departures: what is cached is what engines really have, as SMG knows it from cache
 * events, and not what was sent to them; SMG's workers serve one model each, so here a stage's workers are the engines that
 * will hold its model, and all that can load it where none will; an uneven load looks at all that can load it, and so brings
 * up a further copy; of equal matches the engine with the fewest shares is taken.
 */

import type { EngineState } from "../state/engine-state.ts";
import { createLoads, feasibleEngines, pickLeast, placeWhole, type Loads } from "./choose.ts";
import { createForeseen } from "./foreseen.ts";
import type { Policy } from "./policy.ts";

export type PrefixSettings = {
  /** An engine is chosen for its cache if that has more than this part of the prompt. */
  readonly cacheThreshold: number;
  /** Engines are unevenly loaded if the most loaded has more than so many shares more than the least loaded */
  readonly balanceAbsThreshold: number;
  /** and more than so many times as many. */
  readonly balanceRelThreshold: number;
};

/** The defaults of SMG, for workers with hundreds of requests each. The table has others, which were swept. */
export const smgDefaults: PrefixSettings = { cacheThreshold: 0.3, balanceAbsThreshold: 64, balanceRelThreshold: 1.5 };

export function createPrefixAffinity(settings: PrefixSettings): Policy {
  return (view) => {
    const loads = createLoads(view);
    const foreseen = createForeseen();
    const decisions = view.ready.map((stage) => {
      const able = feasibleEngines(view, stage);
      const holders = able.filter((engine) => foreseen.willHold(engine, stage));
      const workers = holders.length > 0 ? holders : able;
      const cached = pickLeast(
        [...workers].sort((left, right) => loads.of(left) - loads.of(right)),
        (engine) => -engine.cachedTokens(stage),
      );
      const matches = cached !== undefined && cached.cachedTokens(stage) > settings.cacheThreshold * stage.promptTokens;
      const engine = isUneven(able, loads, settings)
        ? pickLeast(able, loads.of)
        : matches
          ? cached
          : pickLeast(workers, loads.of);
      if (engine !== undefined) foreseen.use(engine, stage);
      return placeWhole(view, stage, engine, 0, loads);
    });
    return { decisions };
  };
}

function isUneven(engines: readonly EngineState[], loads: Loads, settings: PrefixSettings): boolean {
  let most = 0;
  let fewest = Infinity;
  for (const engine of engines) {
    most = Math.max(most, loads.of(engine));
    fewest = Math.min(fewest, loads.of(engine));
  }
  return most - fewest > settings.balanceAbsThreshold && most > settings.balanceRelThreshold * fewest;
}
