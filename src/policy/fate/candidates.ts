/** Step 2, the candidates: placements of a ready stage that are worth weighing. */

import type { EngineState } from "../../state/engine-state.ts";
import type { Forecast, Placement } from "./forecast.ts";

/**
 * The engines on which the stage would end first if nothing else were placed, at most `most`, and always among them the one that
 * holds its model, the one nearest to its inputs, and the one that has cached the most of its prompt; then its split.
 */
export function listCandidates(forecast: Forecast, position: number, most: number): readonly Placement[] {
  const { engines } = forecast;
  const entry = forecast.frontier.stages[position];
  if (entry === undefined || entry.stage.kind === "tool") return [];
  const { stage } = entry;
  const able: Able[] = [];
  let nearUs = Infinity;
  let mostCached = 0;
  const aloneUs = forecast.aloneUs(position);
  for (const [index, engine] of engines.entries()) {
    const endUs = aloneUs[index] ?? Infinity;
    if (endUs === Infinity) continue;
    const inputUs = forecast.inputUs(position, index);
    const cachedTokens = engine.cachedTokens(stage);
    able.push({ engine, index, endUs, inputUs, cachedTokens });
    nearUs = Math.min(nearUs, inputUs);
    mostCached = Math.max(mostCached, cachedTokens);
  }
  able.sort((left, right) => left.endUs - right.endUs || left.index - right.index);
  const placements = new Set<Placement>(able.slice(0, most).map(({ index }) => index));
  // Whichever of them comes first in order of end is among the placements anyhow, or is the one to add.
  const earliest = (is: (each: Able) => boolean): void => {
    const found = able.find(is);
    if (found !== undefined) placements.add(found.index);
  };
  earliest(({ engine }) => engine.foreseen.some(({ model }) => model === stage.model));
  earliest(({ inputUs }) => inputUs === nearUs);
  if (mostCached > 0) earliest(({ cachedTokens }) => cachedTokens === mostCached);
  if (forecast.splits[position] !== undefined) placements.add(forecast.shards);
  return [...placements];
}

/** An engine that may take the stage. */
type Able = {
  readonly engine: EngineState;
  readonly index: number;
  readonly endUs: number;
  readonly inputUs: number;
  readonly cachedTokens: number;
};
