/** Turns a policy's decisions into what happens. What the world does not allow is said in the journal; what makes no sense stops the run. */

import { strict as assert } from "node:assert";
import { candidateCost, type Known } from "../cost/candidate.ts";
import type { Decision, Evict, Place, Prefetch, Redirect, Retain } from "../model/decision.ts";
import type { DecisionReject } from "../model/event.ts";
import type { StageKey } from "../model/workflow.ts";
import { checkShares, findPairTrouble, findTrouble } from "../policy/check-place.ts";
import type { EngineState, QueuedShare } from "../state/engine-state.ts";
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
      case "redirect":
        redirect(floor, known, decision);
        break;
      case "switch-role": {
        const reason = floor.roles.start(decision);
        if (reason !== undefined)
          floor.world.emit({ kind: "decision-reject", decision: "switch-role", engine: decision.engine, reason });
        break;
      }
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
  const { rank, climb, overtakes, decodeEngine, victims, reason } = place;
  world.emit({
    kind: "stage-place",
    stage: stage.key,
    attempt,
    shares,
    rank,
    ...(climb === undefined ? {} : { climb }),
    ...(overtakes === undefined ? {} : { overtakes }),
    ...(decodeEngine === undefined ? {} : { decodeEngine }),
    ...(victims === undefined ? {} : { victims }),
    ...(reason === undefined ? {} : { reason }),
  });
  for (const share of shares) world.rouse(share.engine);
}

/** Possible until the KV sets out. */
function redirect({ world }: Floor, known: Known, { stage: key, decodeEngine }: Redirect): void {
  const { stage, shares, attempt } = world.state.workflows.node(key);
  assert(stage.kind !== "tool", `${key} is a tool and is decoded nowhere`);
  const pair = world.state.cluster.engine(decodeEngine);
  const id = shares[0]?.engine;
  // By an old view it may be prefilled elsewhere.
  const engine = id === undefined || id === decodeEngine ? undefined : world.state.cluster.engine(id);
  const share = engine === undefined ? undefined : findUnsent(engine, key);
  const reason = findPairTrouble(stage, pair) ?? (share === undefined ? "too-late" : undefined);
  if (reason !== undefined || engine === undefined || share === undefined) {
    world.emit({
      kind: "decision-reject",
      decision: "redirect",
      engine: decodeEngine,
      stage: key,
      reason: reason ?? "too-late",
    });
    return;
  }
  if (share.decodeEngine === decodeEngine) return;
  const options = { items: share.items, shards: 1, decodeEngine: pair };
  const { decodeUs } = candidateCost(known, stage, engine, options);
  world.emit({ kind: "stage-redirect", stage: key, attempt, engine: engine.id, decodeEngine, decodeUs });
}

/** The share that another engine is to decode, unless its KV has set out. */
function findUnsent(engine: EngineState, key: StageKey): QueuedShare | undefined {
  const isUnsent = (share: QueuedShare): boolean => share.stage.key === key && share.decodeEngine !== undefined;
  return engine.queue.find(isUnsent) ?? engine.running.find((share) => isUnsent(share) && share.arriveUs === undefined);
}

function prefetch({ world }: Floor, { engine: id, model, victims }: Prefetch): void {
  const engine = world.state.cluster.engine(id);
  const reject = (reason: Reason): void => {
    world.emit({ kind: "decision-reject", decision: "prefetch", engine: id, model, reason });
  };
  if (!engine.up) return reject("engine-down");
  if (!engine.open) return reject("switching");
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
