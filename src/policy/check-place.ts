/** What every driver checks before it carries a placement out. */

import { strict as assert } from "node:assert";
import { canServe, isFeasible, type Known } from "../cost/candidate.ts";
import type { Place } from "../model/decision.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState } from "../state/engine-state.ts";

/** A placement that makes no sense is a mistake of the policy. */
export function checkShares(
  engineCount: number,
  stage: VisibleModelStage,
  { shares, decodeEngine, rank, climb }: Place,
): void {
  let items = 0;
  for (const share of shares) {
    assert(Number.isInteger(share.items) && share.items > 0, `${stage.key} has a share of ${share.items} items`);
    items += share.items;
  }
  assert(items === stage.items, `${stage.key} has ${stage.items} items but its shares add up to ${items}`);
  assert(
    shares.length <= engineCount && new Set(shares.map((share) => share.engine)).size === shares.length,
    `${stage.key} has two shares on one engine`,
  );
  assert(decodeEngine === undefined || shares.length === 1, `${stage.key} is sharded and handed over at once`);
  assert(Number.isFinite(rank), `${stage.key} has rank ${rank}`);
  assert(climb === undefined || Number.isFinite(climb), `${stage.key} has a rank that climbs by ${climb}`);
}

/** What the world does not allow any more, say because the view was old; likewise, what makes no sense stops the run. */
export function findTrouble(
  known: Known,
  stage: VisibleModelStage,
  engines: readonly EngineState[],
  pair: EngineState | undefined,
): { readonly engine: EngineState; readonly reason: "engine-down" | "switching" | "unreachable" } | undefined {
  for (const engine of engines) {
    assert(canServe(stage, engine), `${stage.key} is placed on ${engine.id}, which cannot serve ${stage.model}`);
    const { role } = engine;
    const hands = role === "prefill" && pair === undefined && stage.kind !== "embed";
    if ((role === "decode" || hands) && hasSwitched(engine)) return { engine, reason: whyClosed(engine) };
    assert(role !== "decode", `${stage.key} is placed on ${engine.id}, which only decodes`);
    assert(!hands, `${stage.key} is placed on ${engine.id}, which only prefills, without a decode engine`);
    if (!engine.open) return { engine, reason: whyClosed(engine) };
    if (!isFeasible(known, stage, engine)) return { engine, reason: "unreachable" };
  }
  const reason = pair === undefined ? undefined : findPairTrouble(stage, pair);
  return pair === undefined || reason === undefined ? undefined : { engine: pair, reason };
}

/** The same of the engine that is to decode. */
export function findPairTrouble(stage: VisibleModelStage, pair: EngineState): "engine-down" | "switching" | undefined {
  if (pair.role === "prefill" && hasSwitched(pair)) return whyClosed(pair);
  assert(
    canServe(stage, pair) && pair.role !== "prefill",
    `${stage.key} is handed over to ${pair.id}, which cannot decode ${stage.model}`,
  );
  return pair.open ? undefined : whyClosed(pair);
}

/** An old view may show the role that it had before. */
function hasSwitched({ roleSinceUs }: EngineState): boolean {
  return roleSinceUs > 0;
}

function whyClosed({ up }: EngineState): "engine-down" | "switching" {
  return up ? "switching" : "engine-down";
}
