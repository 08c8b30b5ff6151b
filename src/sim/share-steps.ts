/** Steps that a share takes on any engine: making room, loading, fetching inputs, handing KV over, ending. */

import { strict as assert } from "node:assert";
import { bestRoute, waitForWayUs } from "../cost/candidate.ts";
import type { ModelCosts } from "../cost/cost-model.ts";
import { shardUs } from "../cost/shard.ts";
import { kvTransferUs, transferUs } from "../cost/transfer.ts";
import type { SharePhase } from "../model/event.ts";
import type { ModelId } from "../model/model.ts";
import type { StageKey } from "../model/workflow.ts";
import type { EngineState, RunningShare } from "../state/engine-state.ts";
import { pickVictims } from "../state/residency.ts";
import type { Feed } from "./feed.ts";
import type { Roles } from "./roles.ts";
import type { World } from "./world.ts";

/** What engines work with: the world, the feed to tell of ends, and luck. */
export type Floor = {
  readonly world: World;
  readonly feed: Feed;
  readonly roles: Roles;
  /** Whether the result of this attempt of this stage gets lost. */
  readonly losesResult: (stage: StageKey, attempt: number) => boolean;
};

export function modelCosts(world: World, engine: EngineState, model: ModelId): ModelCosts {
  const costs = world.costs.engines[engine.holding.index]?.models.get(model);
  assert(costs !== undefined, `${engine.id} cannot hold ${model}`);
  return costs;
}

export function ofShare(running: RunningShare, engine: EngineState) {
  return { stage: running.stage.key, share: running.share, attempt: running.attempt, engine: engine.id };
}

/** A crash or a lost sibling may have taken the share away meanwhile. */
export function isAlive(engine: EngineState, running: RunningShare): boolean {
  return currentOf(engine, running) !== undefined;
}

/** The share as it stands on the engine now; undefined if it does not. */
function currentOf(engine: EngineState, { started }: RunningShare): RunningShare | undefined {
  return engine.running.find((running) => running.started === started);
}

export function slowed(engine: EngineState, us: number): number {
  return Math.round(us * engine.slowFactor);
}

export function trueOutputTokens(world: World, stage: StageKey): number {
  const truth = world.truth.get(stage);
  assert(truth !== undefined && truth.stage.kind !== "tool", `${stage} is not an open model stage`);
  return truth.stage.output.actual;
}

/** Evicts what must go and starts the load; false if the room cannot be made now. */
export function startLoad(
  world: World,
  engine: EngineState,
  model: ModelId,
  cause: "stage" | "prefetch",
  preferred: readonly ModelId[] | undefined,
  onEnd: () => void,
): boolean {
  const costs = modelCosts(world, engine, model);
  const room = { memoryBytes: engine.holding.memoryBytes, maxResident: engine.holding.engine.maxResident };
  const victims = pickVictims(engine.residents, room, costs.footprintBytes, preferred);
  if (victims === undefined) return false;
  for (const victim of victims) world.emit({ kind: "model-evict", engine: engine.id, model: victim, cause: "room" });
  const durationUs = slowed(engine, costs.loadUs);
  world.emit({ kind: "model-load-start", engine: engine.id, model, bytes: costs.model.weightBytes, durationUs, cause });
  const loading = engine.residents.at(-1);
  world.after(durationUs, () => {
    if (loading === undefined || !engine.residents.includes(loading)) return;
    world.emit({ kind: "model-load-end", engine: engine.id, model });
    world.changed = true;
    onEnd();
  });
  return true;
}

/** Brings parents' outputs to the engine's host, side by side on different ways, one after another on a serial one. */
export function fetchInputs(world: World, engine: EngineState, running: RunningShare, onEnd: () => void): void {
  const to = engine.holding.host.id;
  let onTheWay = 0;
  for (const { stage: parent, bytes } of running.stage.parents) {
    const { outputHosts } = world.state.workflows.node(parent);
    if (outputHosts.length === 0 || outputHosts.includes(to)) continue;
    const best = bestRoute(world.costs, outputHosts, to, bytes);
    assert(
      best?.route !== undefined,
      `${running.stage.key} was placed on ${engine.id}, which cannot reach the output of ${parent}`,
    );
    const { from, route } = best;
    const waitUs = waitForWayUs({ cluster: world.state.cluster, nowUs: world.nowUs }, route);
    const durationUs = transferUs(route, bytes);
    const share = ofShare(running, engine);
    world.emit({ kind: "transfer-start", ...share, parent, from, to, via: route.via, bytes, waitUs, durationUs });
    onTheWay += 1;
    world.after(waitUs + durationUs, () => {
      onTheWay -= 1;
      if (!isAlive(engine, running)) return;
      world.emit({ kind: "transfer-end", ...share, parent, to });
      if (onTheWay === 0) onEnd();
    });
  }
  if (onTheWay === 0) onEnd();
}

/** Sends the prompt's KV to the decode engine once the policy has been asked, which may want another one; the share holds its place until it has arrived. */
export function handOverKv(floor: Floor, engine: EngineState, running: RunningShare, tokens: number): void {
  floor.world.changed = true;
  floor.world.afterPlan(() => {
    const current = currentOf(engine, running);
    if (current !== undefined) sendKv(floor, engine, current, tokens);
  });
}

function sendKv(floor: Floor, engine: EngineState, running: RunningShare, tokens: number): void {
  const { world } = floor;
  const to = running.decodeEngine;
  assert(to !== undefined, `${running.stage.key} has no decode engine`);
  const { model } = modelCosts(world, engine, running.stage.model);
  const waitUs = Math.max(0, engine.nicFreeAtUs - world.nowUs);
  const durationUs = kvTransferUs(engine.holding.host, model.kvBytesPerToken, tokens);
  const share = ofShare(running, engine);
  world.emit({ kind: "kv-transfer-start", ...share, to, bytes: tokens * model.kvBytesPerToken, waitUs, durationUs });
  world.after(waitUs + durationUs, () => {
    if (!isAlive(engine, running)) return;
    world.emit({ kind: "kv-transfer-end", ...share, to });
    endShare(floor, engine, running, "prefill");
    world.rouse(to);
  });
}

/** Gives the share's place back, and ends the stage if it was its last share. */
export function endShare(floor: Floor, engine: EngineState, running: RunningShare, phase: SharePhase): void {
  const { world } = floor;
  world.emit({ kind: "share-end", ...ofShare(running, engine), phase });
  world.changed = true;
  world.rouse(engine.id);
  const { key } = running.stage;
  const node = world.state.workflows.node(key);
  if (phase === "prefill" || node.sharesLeft > 0) return;
  const mergeUs = shardUs(node.shares.length);
  if (mergeUs === 0) return endStage(floor, engine, running);
  world.after(mergeUs, () => {
    if (world.truth.has(key) && world.state.workflows.node(key).attempt === running.attempt)
      endStage(floor, engine, running);
  });
}

/** The result lies where the first share ran, or where it was decoded. */
function endStage(
  { world, feed, losesResult }: Floor,
  engine: EngineState,
  { stage, attempt, phase }: RunningShare,
): void {
  const node = world.state.workflows.node(stage.key);
  if (losesResult(stage.key, attempt)) {
    world.emit({ kind: "stage-lost", stage: stage.key, attempt, reason: "result-lost" });
    world.changed = true;
    return;
  }
  const first = phase === "decode" ? engine.id : (node.shares[0]?.engine ?? engine.id);
  const host = world.state.cluster.engine(first).holding.host.id;
  world.emit({ kind: "stage-end", stage: stage.key, attempt, outputTokens: trueOutputTokens(world, stage.key), host });
  feed.stageEnded(stage.key);
}
