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
  { shares, decodeEngine, rank }: Place,
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
}

/** What the world does not allow any more, say because the view was old; likewise, what makes no sense stops the run. */
export function findTrouble(
  known: Known,
  stage: VisibleModelStage,
  engines: readonly EngineState[],
  pair: EngineState | undefined,
): { readonly engine: EngineState; readonly reason: "engine-down" | "unreachable" } | undefined {
  for (const engine of engines) {
    assert(canServe(stage, engine), `${stage.key} is placed on ${engine.id}, which cannot serve ${stage.model}`);
    const { role } = engine.holding.engine;
    assert(role !== "decode", `${stage.key} is placed on ${engine.id}, which only decodes`);
    assert(
      role !== "prefill" || pair !== undefined || stage.kind === "embed",
      `${stage.key} is placed on ${engine.id}, which only prefills, without a decode engine`,
    );
    if (!engine.up) return { engine, reason: "engine-down" };
    if (!isFeasible(known, stage, engine)) return { engine, reason: "unreachable" };
  }
  if (pair !== undefined) {
    assert(
      canServe(stage, pair) && pair.holding.engine.role !== "prefill",
      `${stage.key} is handed over to ${pair.id}, which cannot decode ${stage.model}`,
    );
    if (!pair.up) return { engine: pair, reason: "engine-down" };
  }
  return undefined;
}
