/** What goes wrong, by seed: engines crash and return, run slow for a while, results get lost, observations come late. */

import type { EngineId } from "../model/cluster.ts";
import { drawExponential } from "../random/distributions.ts";
import { createRng, type Rng } from "../random/rng.ts";
import type { EngineState } from "../state/engine-state.ts";
import type { World } from "./world.ts";

export type Faults = {
  /** Mean time between crashes of one engine; absent means none. A stage is lost to at most `crashesPerStage` of them. */
  readonly crashEveryUs?: number;
  /** Mean time until a crashed engine is back. */
  readonly crashForUs?: number;
  /** Mean time between spells of slowness of one engine; absent means none. */
  readonly slowEveryUs?: number;
  readonly slowForUs?: number;
  readonly slowFactor?: number;
  /** Chance that the result of an attempt gets lost. A stage loses at most `lossesPerStage` results. */
  readonly lossChance?: number;
  /** By how much what a policy sees of the engines lags behind. */
  readonly staleUs?: number;
};

const lossesPerStage = 3;
/** Far beyond what a stage meets that is shorter than the time between crashes; one that is much longer would never end. */
const crashesPerStage = 100;

/** Schedules crashes and slow spells for all engines. They alone do not keep a run going. */
export function scheduleFaults(world: World, faults: Faults, seed: number): void {
  for (const engine of world.state.cluster) {
    const rng = createRng(seed, `fault:${engine.id}`);
    if (faults.crashEveryUs !== undefined)
      scheduleCrash(world, engine, rng.stream("crash"), faults.crashEveryUs, faults.crashForUs ?? 30e6);
    if (faults.slowEveryUs !== undefined)
      scheduleSlow(
        world,
        engine,
        rng.stream("slow"),
        faults.slowEveryUs,
        faults.slowForUs ?? 60e6,
        faults.slowFactor ?? 3,
      );
  }
}

export function createLoss(faults: Faults, seed: number): (stage: string, attempt: number) => boolean {
  const chance = faults.lossChance ?? 0;
  if (chance === 0) return () => false;
  return (stage, attempt) => attempt < lossesPerStage && createRng(seed, `loss:${stage}:${attempt}`).next() < chance;
}

function scheduleCrash(world: World, engine: EngineState, rng: Rng, everyUs: number, forUs: number): void {
  const crashUs = world.nowUs + Math.ceil(drawExponential(rng, everyUs));
  const downUs = Math.ceil(drawExponential(rng, forUs));
  world.queue.schedule(
    crashUs,
    () => {
      const lost = lostWith(world, engine);
      if ([...lost.values()].some((attempt) => attempt >= crashesPerStage))
        return scheduleCrash(world, engine, rng, everyUs, forUs);
      crash(world, engine, lost);
      world.after(downUs, () => {
        world.emit({ kind: "engine-up", engine: engine.id });
        world.changed = true;
        world.rouse(engine.id);
        scheduleCrash(world, engine, rng, everyUs, forUs);
      });
    },
    false,
  );
}

/** Everything on the engine, and every stage that was to be handed over to it, and which attempt of it that is. */
function lostWith(world: World, engine: EngineState): ReadonlyMap<string, number> {
  const lost = new Map<string, number>();
  for (const other of world.state.cluster) {
    for (const share of [...other.running, ...other.queue]) {
      if (other === engine || share.decodeEngine === engine.id) lost.set(share.stage.key, share.attempt);
    }
  }
  return lost;
}

function crash(world: World, engine: EngineState, lost: ReadonlyMap<string, number>): void {
  const touched = new Set<EngineId>();
  for (const other of world.state.cluster) {
    if ([...other.running, ...other.queue].some((share) => lost.has(share.stage.key))) touched.add(other.id);
  }
  for (const [stage, attempt] of lost) world.emit({ kind: "stage-lost", stage, attempt, reason: "engine-down" });
  world.emit({ kind: "engine-down", engine: engine.id });
  world.changed = true;
  for (const id of touched) world.rouse(id);
  world.rouse(engine.id);
}

function scheduleSlow(
  world: World,
  engine: EngineState,
  rng: Rng,
  everyUs: number,
  forUs: number,
  factor: number,
): void {
  const slowUs = world.nowUs + Math.ceil(drawExponential(rng, everyUs));
  const spellUs = Math.ceil(drawExponential(rng, forUs));
  world.queue.schedule(
    slowUs,
    () => {
      world.emit({ kind: "engine-slow", engine: engine.id, factor });
      world.queue.schedule(
        world.nowUs + spellUs,
        () => {
          world.emit({ kind: "engine-slow", engine: engine.id, factor: 1 });
          scheduleSlow(world, engine, rng, everyUs, forUs, factor);
        },
        false,
      );
    },
    false,
  );
}
