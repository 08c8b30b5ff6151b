/** Interleaved weighted round robin: over time each engine gets calls in proportion to its weight, and never many in a row. */

import type { EngineId } from "../../model/cluster.ts";
import { pickLeast } from "../choose.ts";

/** What each engine is owed, as a share of one call. */
export type Credits = Readonly<Record<EngineId, number>>;

/** All are owed their share of this call; the one that is owed most gets it; of equals the one named first. */
export function takeTurn(
  weights: readonly (readonly [EngineId, number])[],
  credits: Credits,
): { readonly id: EngineId; readonly credits: Credits } | undefined {
  let total = 0;
  for (const [, weight] of weights) total += weight;
  const owed: Record<EngineId, number> = { ...credits };
  for (const [id, weight] of weights) owed[id] = (owed[id] ?? 0) + weight / total;
  const turn = pickLeast(weights, ([id]) => -(owed[id] ?? 0));
  if (turn === undefined) return undefined;
  const [id] = turn;
  owed[id] = (owed[id] ?? 0) - 1;
  return { id, credits: owed };
}
