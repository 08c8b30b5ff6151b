/** Step 2, the candidates: placements of a ready stage that are worth weighing. */

import type { EngineState } from "../../state/engine-state.ts";
import type { Forecast, Placement } from "./forecast.ts";

/**
 * The engines on which the stage would end first if nothing else were placed, at most `most`, and always among them the one that
 * holds its model, the one nearest to its inputs, and the one that has cached the most of its prompt; then its split.
 */
export function listCandidates(forecast: Forecast, position: number, most: number): readonly Placement[] {
  const { engines } = forecast;
  const able = engines.flatMap((engine, index) => {
    const endUs = forecast.aloneUs(position, index);
    return endUs < Infinity ? [{ engine, index, endUs }] : [];
  });
  able.sort((left, right) => left.endUs - right.endUs || left.index - right.index);
  const entry = forecast.frontier.stages[position];
  if (entry === undefined || entry.stage.kind === "tool") return [];
  const { stage } = entry;
  const holds = (engine: EngineState): boolean => engine.foreseen.some(({ model }) => model === stage.model);
  const inputUs = (index: number): number => forecast.inputUs[position * engines.length + index] ?? 0;
  const first = able.slice(0, most);
  const rest = able.slice(most);
  const resident = first.some(({ engine }) => holds(engine)) ? undefined : rest.find(({ engine }) => holds(engine));
  const nearUs = Math.min(...able.map(({ index }) => inputUs(index)));
  const local = first.some(({ index }) => inputUs(index) === nearUs)
    ? undefined
    : rest.find(({ index }) => inputUs(index) === nearUs);
  const mostCached = Math.max(0, ...able.map(({ engine }) => engine.cachedTokens(stage)));
  const prefixed =
    mostCached === 0 || first.some(({ engine }) => engine.cachedTokens(stage) === mostCached)
      ? undefined
      : rest.find(({ engine }) => engine.cachedTokens(stage) === mostCached);
  const placements = new Set<Placement>(first.map(({ index }) => index));
  for (const kept of [resident, local, prefixed]) if (kept !== undefined) placements.add(kept.index);
  if (forecast.splits[position] !== undefined) placements.add(forecast.shards);
  return [...placements];
}
