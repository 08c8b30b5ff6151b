/** Turns a policy's decisions into what happens on real engines. What cannot be, or makes no sense, is rejected in the journal. */

import { candidateCost, type Known } from "../../cost/candidate.ts";
import type { Decision, Place } from "../../model/decision.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { DecisionReject } from "../../model/event.ts";
import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import { checkShares, findTrouble } from "../../policy/check-place.ts";
import type { EngineDesk } from "./engine-desk.ts";
import type { World } from "./world.ts";

export type Floor = {
  readonly world: World;
  readonly desk: (engine: EngineId) => EngineDesk;
  /** The policy asked for what makes no sense: a mistake of ours, which must not take the traffic down. */
  readonly onNonsense: (error: unknown) => void;
};

/** Returns the engines that may have something to take up, and until when the policy wants to wait at the most. */
export function carryOut(floor: Floor, decisions: readonly Decision[]): { touched: Set<EngineId>; wakeUs: number } {
  const touched = new Set<EngineId>();
  let wakeUs = Infinity;
  for (const decision of decisions) {
    switch (decision.kind) {
      case "place":
        placeStage(floor, decision, touched);
        break;
      case "defer":
        if (decision.untilUs !== undefined) wakeUs = Math.min(wakeUs, decision.untilUs);
        break;
      case "prefetch":
        prefetch(floor, decision.engine, decision.model, decision.victims);
        break;
      case "evict":
        evict(floor, decision.engine, decision.model);
        break;
      case "retain":
        if (floor.world.state.cluster.engine(decision.engine).isResident(decision.model))
          floor.world.emit({ ...decision, kind: "prefix-retain" });
        else reject(floor, "retain", decision.engine, decision.model, "not-resident");
        break;
    }
  }
  return { touched, wakeUs };
}

/** What servers cannot be asked for: they are told both engines at once, and keep the role that they have. */
export const beyondServers: ReadonlySet<Decision["kind"]> = new Set(["redirect", "switch-role"]);

export function forServers(decisions: readonly Decision[]): readonly Decision[] {
  return decisions.filter(({ kind }) => !beyondServers.has(kind));
}

/** Drops what a plan says of stages that have gone on meanwhile. */
export function stillValid({ state }: World, decisions: readonly Decision[]): Decision[] {
  const { workflows, cluster } = state;
  const known = new Set<EngineId>();
  for (const { id } of cluster) known.add(id);
  return decisions.filter((decision) => {
    if ("engine" in decision) return known.has(decision.engine);
    if (!workflows.has(decision.stage) || workflows.node(decision.stage).status !== "ready") return false;
    return decision.kind !== "place" || decision.shares.every(({ engine }) => known.has(engine));
  });
}

function placeStage(floor: Floor, place: Place, touched: Set<EngineId>): void {
  const { world } = floor;
  const { state } = world;
  const { stage, status } = state.workflows.node(place.stage);
  if (stage.kind === "tool" || status !== "ready") return;
  const engines = place.shares.map((share) => state.cluster.engine(share.engine));
  const pair = place.decodeEngine === undefined ? undefined : state.cluster.engine(place.decodeEngine);
  try {
    checkShares(state.cluster.count, stage, place);
    const trouble = findTrouble(knownBy(world), stage, engines, pair);
    if (trouble !== undefined) {
      const { reason } = trouble;
      world.emit({ kind: "decision-reject", decision: "place", engine: trouble.engine.id, stage: stage.key, reason });
      return;
    }
  } catch (error) {
    floor.onNonsense(error);
    return;
  }
  emitPlace(world, stage, place);
  for (const { engine } of place.shares) touched.add(engine);
}

export function knownBy({ nowUs, state: { cluster, workflows }, costs }: World): Known {
  return { nowUs, cluster, workflows, costs };
}

/** Puts the stage, which is ready, into the queues of the engines named. */
export function emitPlace(world: World, stage: VisibleModelStage, place: Place): void {
  const { cluster, workflows } = world.state;
  const { attempt } = workflows.node(stage.key);
  const { rank, climb, overtakes, decodeEngine, victims, reason } = place;
  const pair = decodeEngine === undefined ? {} : { decodeEngine: cluster.engine(decodeEngine) };
  const shares = place.shares.map(({ engine, items }) => {
    const options = { items, shards: place.shares.length, ...pair };
    return { engine, items, cost: candidateCost(knownBy(world), stage, cluster.engine(engine), options) };
  });
  world.emit({
    kind: "stage-place",
    stage: stage.key,
    attempt,
    shares,
    rank,
    ...(climb === undefined ? {} : { climb }),
    ...(overtakes === undefined ? {} : { overtakes }),
    ...(decodeEngine === undefined ? {} : { decodeEngine }),
    ...(victims === undefined || victims.length === 0 ? {} : { victims }),
    ...(reason === undefined ? {} : { reason }),
  });
}

function prefetch(floor: Floor, id: EngineId, model: ModelId, victims: readonly ModelId[] | undefined): void {
  const engine = floor.world.state.cluster.engine(id);
  const desk = floor.desk(id);
  if (!engine.up) return reject(floor, "prefetch", id, model, "engine-down");
  if (!engine.idle || desk.loading) return reject(floor, "prefetch", id, model, "engine-busy");
  if (engine.isResident(model) || !desk.adapter.abilities.loads) return;
  const may = engine.holding.models.has(model) && desk.mayPrefetch(model);
  if (!may || !desk.startLoad(model, "prefetch", victims)) reject(floor, "prefetch", id, model, "no-room");
}

function evict(floor: Floor, id: EngineId, model: ModelId): void {
  const engine = floor.world.state.cluster.engine(id);
  const desk = floor.desk(id);
  if (!engine.up) return reject(floor, "evict", id, model, "engine-down");
  if (!engine.isResident(model)) return reject(floor, "evict", id, model, "not-resident");
  if (engine.running.some((running) => running.stage.model === model))
    return reject(floor, "evict", id, model, "engine-busy");
  if (desk.adapter.abilities.loads) desk.unload(model);
}

function reject(
  { world }: Floor,
  decision: "prefetch" | "evict" | "retain",
  engine: EngineId,
  model: ModelId,
  reason: DecisionReject["reason"],
): void {
  world.emit({ kind: "decision-reject", decision, engine, model, reason });
}
