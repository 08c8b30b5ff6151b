/** What the live driver is made from, and what the gateway may do with it beside bringing work. */

import type { Calibration } from "../../cost/calibration.ts";
import type { Cluster, EngineId } from "../../model/cluster.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { Model, ModelId } from "../../model/model.ts";
import type { Adapter, Sight } from "../adapter/adapter.ts";
import type { JournalConfig, PlanningConfig, QueueConfig } from "../config/config.ts";
import type { Learned } from "./corrections.ts";
import type { Driver, ShareFault } from "./driver.ts";
import type { EngineDesk } from "./engine-desk.ts";
import type { Clock, World } from "./world.ts";

export type DriverOptions = {
  readonly policy: string;
  readonly seed: number;
  readonly cluster: Cluster;
  readonly models: readonly Model[];
  readonly calibration?: Calibration;
  readonly adapters: readonly Adapter[];
  readonly queue: QueueConfig;
  readonly planning: PlanningConfig;
  readonly journal: JournalConfig;
  /** How many times faster than its GPU an engine is known to be. */
  readonly speedOf?: (engine: EngineId) => number;
  readonly clock?: Clock;
  readonly onEvent?: (event: JournalEvent) => void;
  readonly onPlanned?: (where: "place" | "thread" | "fallback", tookUs: number, stages: number) => void;
  /** A share failed on its engine, or ended there: for the engine's breaker. */
  readonly onOutcome?: (engine: EngineId, fault: ShareFault | undefined) => void;
  readonly onFault?: (what: string, error: unknown) => void;
};

/** What can be another from one moment to the next. */
export type Settings = Pick<DriverOptions, "policy" | "queue" | "planning">;

/** What the gateway, beside those who bring work, may do with the driver. */
export type LiveDriver = Driver &
  AsyncDisposable & {
    readonly world: World;
    readonly desk: (engine: EngineId) => EngineDesk;
    /** Calls that wait for a place. */
    readonly waiting: () => number;
    readonly open: () => number;
    readonly engineUp: (engine: EngineId) => void;
    readonly engineDown: (engine: EngineId) => void;
    readonly sight: (engine: EngineId, sight: Sight) => void;
    readonly prefixGone: (engine: EngineId, model: ModelId, hash?: number) => void;
    readonly learned: (engine: EngineId, model: ModelId) => Learned;
    /** Another cluster, from now on. Engines that left must have nothing to do any more. */
    readonly reshape: (cluster: Cluster, models: readonly Model[], adapters: readonly Adapter[]) => Promise<void>;
    /** Another policy, other bounds, from the next plan on. */
    readonly configure: (settings: Settings) => void;
    /** These engines take nothing new; resolves when nothing runs there any more, or when the signal says so. */
    readonly leave: (engines: readonly EngineId[], signal: AbortSignal) => Promise<void>;
    /** Takes nothing new, and resolves when all that is open is over, or when the signal says so: then what is left is dropped. */
    readonly drain: (signal: AbortSignal) => Promise<void>;
    readonly journalBytes: () => number;
  };
