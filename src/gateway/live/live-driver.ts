/** What the live driver is made from, and what the gateway may do with it beside bringing work. */

import type { Calibration } from "../../cost/calibration.ts";
import type { Cluster, EngineId } from "../../model/cluster.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { Model, ModelId } from "../../model/model.ts";
import type { JournalVerbs } from "../../store/store.ts";
import type { Adapter, Sight } from "../adapter/adapter.ts";
import type { JournalConfig, PlanningConfig, QueueConfig } from "../config/config.ts";
import type { Learned } from "./corrections.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { Held } from "./adopt.ts";
import type { Driver, ShareFault, Turn, Work } from "./driver.ts";
import type { EngineDesk } from "./engine-desk.ts";
import type { TroubleWith } from "./overdue.ts";
import type { Time } from "./time.ts";
import type { Recall } from "./take-over.ts";
import type { World } from "./world.ts";

export type DriverOptions = {
  readonly policy: string;
  readonly seed: number;
  readonly cluster: Cluster;
  readonly models: readonly Model[];
  readonly calibration?: Calibration;
  readonly adapters: readonly Adapter[];
  readonly queue: QueueConfig;
  readonly planning: PlanningConfig;
  readonly journal: Pick<JournalConfig, "path" | "maxBytes" | "keep">;
  /** The journal goes there in place of files, written by a planner of this epoch: by none until `journalAs` says so. */
  readonly journalStore?: Pick<JournalVerbs, "beginSegment" | "appendJournal"> & { readonly epoch: number | undefined };
  /** What an earlier gateway knew. */
  readonly recall?: Recall;
  /** How many times faster than its GPU an engine is known to be. */
  readonly speedOf?: (engine: EngineId) => number;
  readonly troubleWith?: TroubleWith;
  /** That of the machine unless said. */
  readonly time?: Time;
  readonly onEvent?: (event: JournalEvent) => void;
  readonly onPlanned?: (where: "place" | "thread" | "fallback", tookUs: number, stages: number) => void;
  /** A share failed on its engine, or ended there: for the engine's breaker. */
  readonly onOutcome?: (engine: EngineId, fault: ShareFault | undefined, call?: StageKey) => void;
  readonly onFault?: (what: string, error: unknown) => void;
  /** Whether engines may be made to do anything now; absent: always. */
  readonly acts?: () => boolean;
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
    /**
     * For whoever looks on: a journal that begins now, then whole lines as they come. `ended`: the world is another, so begin again.
     * Returns how to stop. Not to be called within a moment.
     */
    readonly watch: (take: (lines: string) => void, ended: () => void) => () => void;
    /** Several things at once: engines take nothing up before all of them are done, and then whatever there is. */
    readonly together: (what: () => void) => void;
    /**
     * A stage that another planner has placed, or that waits since then; like `ready`, but that it is not turned away. Returns the
     * turns of what runs, or undefined if the books have no room for it as it is.
     */
    readonly adopt: (stage: StageKey, work: Work, held: Held) => readonly Turn[] | undefined;
    /** From now on the journal in the store is written by a planner of this epoch; undefined: by somebody else. */
    readonly journalAs: (epoch: number | undefined) => void;
    /** Takes over what an earlier planner knew. */
    readonly recall: (recall: Recall) => void;
  };
