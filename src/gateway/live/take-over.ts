/**
 * What an earlier gateway knew, in a world that begins: each fact that can be true still happens again, as a record. What engines
 * say of themselves goes before it, and what has become another thing is left out.
 */

import { isDeepStrictEqual } from "node:util";
import type { Calibration } from "../../cost/calibration.ts";
import type { Cluster, EngineId } from "../../model/cluster.ts";
import type { Model, ModelId } from "../../model/model.ts";
import { tellCaches } from "./cache-copy.ts";
import type { EngineDesks } from "./engine-desks.ts";
import type { Learning } from "./learning.ts";
import type { Recalled } from "./recall.ts";
import type { World } from "./world.ts";

/** What is known of engines now, beside what was known of them before. */
export type Recall = {
  readonly recalled: Recalled;
  /** Whether the engine has said which models it holds. */
  readonly shown: (engine: EngineId) => boolean;
  /** Whether what was cached there may be there still. */
  readonly keeps: (engine: EngineId) => boolean;
};

export type TakeOverHost = {
  readonly world: World;
  readonly desks: EngineDesks;
  readonly learning: Learning;
  readonly calibration: Calibration;
  /** Of now. */
  readonly cluster: Cluster;
  readonly models: readonly Model[];
};

/** To be called within a moment. */
export function takeOver({ recalled, shown, keeps }: Recall, host: TakeOverHost): void {
  const { world, desks, learning } = host;
  const isSame = createComparison(recalled, host);
  const engines = new Map(Array.from(world.state.cluster, (engine) => [engine.id, engine]));
  for (const desk of desks) if (!shown(desk.id)) desk.recall(recalled.residents.get(desk.id) ?? []);
  for (const { engine, model, ...factors } of recalled.factors) {
    const isServed = engines.get(engine)?.holding.models.has(model) ?? false;
    if (isServed && isSame(engine, model)) learning.recall(engine, model, factors);
  }
  const caches = recalled.caches.filter(({ engine: id, model }) => {
    const isHeld = engines.get(id)?.isResident(model) ?? false;
    return isHeld && keeps(id) && isSameModel(model, recalled, host);
  });
  for (const told of tellCaches(caches)) world.emit(told);
}

type Facts = Pick<Recalled, "cluster" | "models" | "calibration">;

/** Whether durations of a model on an engine are worked out as they were: factors on others would mean something else. */
function createComparison(before: Facts, now: Facts): (engine: EngineId, model: ModelId) => boolean {
  const sameCosts = isDeepStrictEqual(plain(before.calibration), plain(now.calibration));
  return (engine, model) =>
    sameCosts &&
    isSameModel(model, before, now) &&
    isDeepStrictEqual(plain(machinesOf(before.cluster, engine)), plain(machinesOf(now.cluster, engine)));
}

function isSameModel(model: ModelId, before: Facts, now: Facts): boolean {
  const find = ({ models }: Facts): Model | undefined => models.find(({ id }) => id === model);
  return isDeepStrictEqual(plain(find(before)), plain(find(now)));
}

/** The GPUs under an engine, and how its weights come to it. How much memory they have is no matter of time. */
function machinesOf({ engines, devices, gpus, hosts }: Cluster, id: EngineId): object {
  const own = engines.find((engine) => engine.id === id)?.devices ?? [];
  const below = devices.filter((device) => own.includes(device.id));
  return below.map(({ gpu, host }) => {
    const { id: _id, memoryBytes: _memoryBytes, ...speeds } = gpus.find((each) => each.id === gpu) ?? {};
    return [speeds, hosts.find((each) => each.id === host)];
  });
}

/** As it comes back from a journal. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}
