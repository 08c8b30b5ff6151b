/** Turns a policy's decisions into what happens. What the world does not allow is said in the journal; what makes no sense stops the run. */

import { strict as assert } from "node:assert";
import { canServe, candidateCost, isFeasible, type Known } from "../cost/candidate.ts";
import type { Decision, Evict, Place, Prefetch, Retain } from "../model/decision.ts";
import type { DecisionReject } from "../model/event.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState } from "../state/engine-state.ts";
import { startLoad, type Floor } from "./share-steps.ts";

type Reason = DecisionReject["reason"];

export function carryOut(
  floor: Floor,
  known: Known,
  decisions: readonly Decision[],
  wakeAt: (atUs: number) => void,
): void {
  for (const decision of decisions) {
    switch (decision.kind) {
      case "place":
        placeStage(floor, known, decision);
        break;
      case "defer":
        assert(known.workflows.node(decision.stage).status === "ready", `${decision.stage} is deferred but not ready`);
        if (decision.untilUs !== undefined) wakeAt(Math.max(decision.untilUs, known.nowUs + 1));
        break;
      case "prefetch":
        prefetch(floor, decision);
        break;
      case "evict":
        evict(floor, decision);
        break;
      case "retain":
        retain(floor, decision);
        break;
    }
  }
}

function placeStage({ world }: Floor, known: Known, place: Place): void {
  const { stage, status, attempt } = world.state.workflows.node(place.stage);
  assert(stage.kind !== "tool" && status === "ready", `${place.stage} is placed but ${status}`);
  checkShares(world.state.cluster.count, stage, place);
  const engines = place.shares.map((share) => world.state.cluster.engine(share.engine));
  const pair = place.decodeEngine === undefined ? undefined : world.state.cluster.engine(place.decodeEngine);
  const trouble = findTrouble(known, stage, engines, pair);
  if (trouble !== undefined) {
    world.emit({
      kind: "decision-reject",
      decision: "place",
      engine: trouble.engine.id,
      stage: stage.key,
      reason: trouble.reason,
    });
    return;
  }
  const shares = place.shares.map((share, index) => {
    const engine = engines[index] as EngineState;
    const options = {
      items: share.items,
      shards: place.shares.length,
      ...(pair === undefined ? {} : { decodeEngine: pair }),
    };
    return { engine: share.engine, items: share.items, cost: candidateCost(known, stage, engine, options) };
  });
  const { rank, decodeEngine, victims, reason } = place;
  world.emit({
    kind: "stage-place",
    stage: stage.key,
    attempt,
    shares,
    rank,
    ...(decodeEngine === undefined ? {} : { decodeEngine }),
    ...(victims === undefined ? {} : { victims }),
    ...(reason === undefined ? {} : { reason }),
  });
  for (const share of shares) world.rouse(share.engine);
}

function checkShares(engineCount: number, stage: VisibleModelStage, { shares, decodeEngine, rank }: Place): void {
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

function findTrouble(
  known: Known,
  stage: VisibleModelStage,
  engines: readonly EngineState[],
  pair: EngineState | undefined,
): { engine: EngineState; reason: Reason } | undefined {
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

function prefetch({ world }: Floor, { engine: id, model, victims }: Prefetch): void {
  const engine = world.state.cluster.engine(id);
  const reject = (reason: Reason): void => {
    world.emit({ kind: "decision-reject", decision: "prefetch", engine: id, model, reason });
  };
  if (!engine.up) return reject("engine-down");
  if (!engine.idle) return reject("engine-busy");
  if (engine.isResident(model)) return;
  if (!engine.holding.models.has(model)) return reject("no-room");
  if (!startLoad(world, engine, model, "prefetch", victims, () => world.rouse(id))) reject("no-room");
}

function evict({ world }: Floor, { engine: id, model }: Evict): void {
  const engine = world.state.cluster.engine(id);
  const reject = (reason: Reason): void => {
    world.emit({ kind: "decision-reject", decision: "evict", engine: id, model, reason });
  };
  if (!engine.up) return reject("engine-down");
  if (!engine.isResident(model)) return reject("not-resident");
  if (engine.running.some((running) => running.stage.model === model)) return reject("engine-busy");
  world.emit({ kind: "model-evict", engine: id, model, cause: "policy" });
}

function retain({ world }: Floor, { engine: id, model, hash, untilUs }: Retain): void {
  const engine = world.state.cluster.engine(id);
  if (!engine.isResident(model)) {
    world.emit({ kind: "decision-reject", decision: "retain", engine: id, model, reason: "not-resident" });
    return;
  }
  world.emit({ kind: "prefix-retain", engine: id, model, hash, untilUs });
}
