/** An emulated engine without its server: the batch, its clock, its faults, and what it counts. */

import { createRng } from "../random/rng.ts";
import type { ModelCosts } from "../cost/cost-model.ts";
import type { ModelId } from "../model/model.ts";
import { BatchLoop } from "./batch/batch-loop.ts";
import type { BlockListener } from "./batch/prefixes.ts";
import { createFaultBook, type FaultBook } from "./faults.ts";
import { createKeepAlive, type KeepAlive } from "./surface/keep-alive.ts";
import { createTotals, type Totals } from "./totals.ts";
import type { Settings } from "./options.ts";
import { createRooms, type Rooms } from "./hand-off/rooms.ts";
import { createPacer, type Pacer } from "./pacer.ts";

export type Engine = {
  readonly settings: Settings;
  readonly faults: FaultBook;
  readonly totals: Totals;
  readonly batch: () => BatchLoop;
  readonly pacer: () => Pacer;
  /** By any of its names. */
  readonly find: (name: string) => ModelCosts | undefined;
  /** Resolves when the model is resident; false if it cannot be. */
  readonly load: (costs: ModelCosts) => Promise<boolean>;
  /** Ends what runs and gives the memory back. */
  readonly putToSleep: (level: 1 | 2) => void;
  /** Resolves when the models that were resident are so again. */
  readonly wakeUp: () => Promise<void>;
  readonly keepAlive: KeepAlive;
  /** Everything it held and did is lost. */
  readonly restart: () => void;
  readonly stop: () => void;
  /** 0 awake, 1 weights kept in host memory, 2 nothing kept. */
  sleepLevel: 0 | 1 | 2;
  /** The engine goes, and its server with it. */
  die: (forMs: number | undefined) => Promise<void>;
  /** Where it listens. */
  port: number;
  readonly rooms: Rooms;
  /** Numbers what is made here: answers, hand-offs. */
  readonly nextNumber: () => number;
};

export type EngineHooks = {
  readonly listen?: (model: ModelId) => BlockListener;
};

export function createEngine(settings: Settings, hooks: EngineHooks): Engine {
  const faults = createFaultBook(settings.faults, createRng(settings.seed).stream("faults"));
  const totals = createTotals();
  const createLoop = (): BatchLoop =>
    new BatchLoop({
      costs: settings.costs,
      resident: settings.resident,
      prefillTokens: settings.prefillTokens,
      slowFactor: faults.slowFactor,
      ...hooks,
    });
  let batch = createLoop();
  let pacer = createPacer(batch, settings.clock, settings.speed);
  let number = 0;
  let asleep: readonly ModelId[] = [];
  const keepAlive = createKeepAlive({
    clock: settings.clock,
    speed: settings.speed,
    usualUs: settings.surface === "ollama" ? 300e6 : Infinity,
    unload: (model) => pacer.act(() => batch.unload(model)),
  });
  const rooms = createRooms(settings.clock);
  const stop = (): void => {
    pacer.stop();
    rooms.close();
    keepAlive.stop();
    batch.abort("engine-gone");
  };
  const load = (costs: ModelCosts): Promise<boolean> =>
    new Promise((resolve) => pacer.act(() => batch.load(costs, resolve)));
  const engine: Engine = {
    settings,
    faults,
    totals,
    batch: () => batch,
    pacer: () => pacer,
    find: (name) => settings.costs.models.get(settings.names.get(name.replace(/:latest$/, "")) ?? ""),
    load,
    putToSleep: (level) => {
      const resident = batch.weights.resident();
      if (resident.length > 0) asleep = resident;
      engine.sleepLevel = level;
      pacer.act(() => {
        batch.abort("aborted");
        for (const model of resident) batch.unload(model);
      });
    },
    wakeUp: async () => {
      const { localBytesPerSecond } = settings.costs.host;
      for (const id of asleep) {
        const costs = settings.costs.models.get(id);
        if (costs === undefined) continue;
        const fromHostUs = Math.round((costs.model.weightBytes / localBytesPerSecond) * 1e6);
        await load(engine.sleepLevel === 1 ? { ...costs, loadUs: fromHostUs } : costs);
      }
      asleep = [];
      engine.sleepLevel = 0;
    },
    keepAlive,
    restart: () => {
      stop();
      asleep = [];
      engine.sleepLevel = 0;
      batch = createLoop();
      pacer = createPacer(batch, settings.clock, settings.speed);
    },
    stop,
    sleepLevel: 0,
    die: () => Promise.resolve(),
    port: 0,
    rooms,
    nextNumber: () => number++,
  };
  return engine;
}
