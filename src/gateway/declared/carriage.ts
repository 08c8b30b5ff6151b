/**
 * Runs that this gateway carries out: each from when it is taken in, or up, until it is over or somebody else's. Thousands may wait for
 * their turn, so one that has not begun is kept as the store has it, and read when it begins or somebody asks for it.
 */

import type { Holding, Store, StoredRun } from "../../store/store.ts";
import type { Config, ModelConfig } from "../config/config.ts";
import type { Driver } from "../live/driver.ts";
import type { Time } from "../live/time.ts";
import type { Tools } from "./call-tool.ts";
import type { DeclaredRun, RunId } from "./declared-run.ts";
import { createEventLog } from "./event-log.ts";
import { createGate, type Gate } from "./gate.ts";
import type { KeptRuns } from "./kept-runs.ts";
import type { Caller } from "./model-call.ts";
import type { Patience } from "./patience.ts";
import { LiveRun } from "./run-declared.ts";
import { Slices } from "./slices.ts";
import { fromStored, idOfModel } from "./stored-run.ts";
import type { WireError } from "./wire.ts";

export type CarriageHost = {
  readonly driver: Driver;
  readonly caller: Caller;
  readonly config: Pick<Config, "declared" | "tenants"> & Partial<Pick<Config, "engines" | "queue">>;
  readonly models: () => readonly ModelConfig[];
  readonly tools: Tools;
  readonly time: Time;
  readonly nowMs: () => number;
  readonly store: Pick<Store, "readRun" | "saveStage" | "endRun">;
  readonly patience: Patience;
  readonly kept: KeptRuns;
  readonly retryWaitMs?: number;
  readonly onFault: (message: string) => void;
  /** A run is over, or somebody else's. */
  readonly onEnd: () => void;
};

const keptEvents = 4096;
type Carried = {
  readonly id: RunId;
  readonly holding: Holding;
  readonly release: () => void;
  /** As it is stored until it is read. */
  run: StoredRun | LiveRun;
  /** Why it cannot be carried out: then all that is done is to end it. */
  fault?: WireError;
  /** Nothing of it begins while it is not known whether it is still ours. */
  isPaused: boolean;
};

/** Calls of one share that are under way at once: as many as the engine decodes in a batch, where that is known. */
const usualSideBySide = 16;
const mostSideBySide = 256;
/** Runs that the driver is told of at once: a plan looks at all of them. */
const mostBegun = 512;
/** Of the places in the driver's queue, the share that declared stages may fill. */
const queueShare = 0.5;
const usualWaiting = 1024;
/** Reads of the store at once, to see which runs are still ours. */
const checksAtOnce = 16;

export class Carriage {
  readonly #host: CarriageHost;
  readonly #carried = new Map<RunId, Carried>();
  readonly #runGate: Gate = createGate(mostBegun);
  readonly #stageGate: Gate;
  readonly #slices: Slices;
  #isPaused = false;
  /** Present while somebody waits for all to be over. */
  #empty: PromiseWithResolvers<void> | undefined;

  constructor(host: CarriageHost) {
    this.#host = host;
    const { maxWaiting } = host.config.queue ?? { maxWaiting: usualWaiting };
    this.#slices = new Slices(host.time);
    this.#stageGate = createGate(Math.max(1, Math.floor(maxWaiting * queueShare)));
  }

  get open(): number {
    return this.#carried.size;
  }

  has(id: RunId): boolean {
    return this.#carried.has(id);
  }

  /** As it is now. */
  look(id: RunId): DeclaredRun | undefined {
    const run = this.#carried.get(id)?.run;
    return run && (run instanceof LiveRun ? run.value : this.#read(run).run);
  }

  find(id: RunId): LiveRun | undefined {
    const carried = this.#carried.get(id);
    return carried && this.#wake(carried);
  }

  /** `run` is the same, where it was read before. Returns it as it is if it begins at once. */
  carry(stored: StoredRun, release: () => void, run?: DeclaredRun): DeclaredRun | undefined {
    const { id, owner, generation } = stored;
    const earlier = this.#carried.get(id);
    const carried: Carried = { id, holding: { owner, generation }, release, run: stored, isPaused: this.#isPaused };
    this.#carried.set(id, carried);
    // An earlier time of the same run ends where a later one begins.
    if (earlier !== undefined) this.#drop(earlier);
    let given = run;
    this.#runGate.come(carried, () => this.#begin(carried, given));
    given = undefined;
    return liveOf(carried)?.value;
  }

  /** A mistake of ours costs the run its carrier here, and no other run anything. */
  #begin(carried: Carried, run: DeclaredRun | undefined): void {
    try {
      const live = this.#wake(carried, run);
      if (carried.fault === undefined) live.begin();
      else live.fail(carried.fault);
    } catch (error) {
      this.#host.onFault(`workflow ${carried.id} cannot begin: ${String(error)}`);
      this.#drop(carried);
    }
  }

  #wake(carried: Carried, run?: DeclaredRun): LiveRun {
    if (carried.run instanceof LiveRun) return carried.run;
    const { run: read, fault } = run === undefined ? this.#read(carried.run) : { run };
    const live = this.#create(read);
    carried.run = live;
    if (fault !== undefined) carried.fault = fault;
    if (carried.isPaused) live.pause();
    void live.over.then(() => this.#leave(carried));
    return live;
  }

  #read(stored: StoredRun): ReturnType<typeof fromStored> {
    return fromStored(stored, idOfModel(this.#host.models()));
  }

  #drop(carried: Carried): void {
    if (carried.run instanceof LiveRun) carried.run.drop();
    else this.#leave(carried);
  }

  #leave(carried: Carried): void {
    const { id, release } = carried;
    const live = liveOf(carried);
    this.#runGate.leave(carried);
    if (this.#carried.get(id) === carried) this.#carried.delete(id);
    if (live?.isDropped === false) this.#host.kept.add(live.value, live.log);
    release();
    this.#host.onEnd();
    if (this.#carried.size > 0) return;
    this.#empty?.resolve();
    this.#empty = undefined;
  }

  #create(run: DeclaredRun): LiveRun {
    const { config, models, nowMs, retryWaitMs = 200 } = this.#host;
    return new LiveRun(run, {
      ...this.#host,
      log: createEventLog(keptEvents, nowMs, run.holding.generation),
      stageGate: this.#stageGate,
      slices: this.#slices,
      maxItems: config.declared.maxItems,
      outputTokens: (id) => models().find((model) => model.id === id)?.outputTokens ?? 256,
      sideBySide: (engine) =>
        Math.min(mostSideBySide, config.engines?.find(({ id }) => id === engine)?.maxSequences ?? usualSideBySide),
      priority: config.tenants.find(({ id }) => id === run.tenant)?.priority ?? 0,
      retryWaitMs,
    });
  }

  /** Runs that are taken up meanwhile begin together, when all of them are there. */
  async gather<T>(takeUp: () => Promise<T>): Promise<T> {
    this.#runGate.close();
    try {
      return await takeUp();
    } finally {
      this.#runGate.open();
    }
  }

  /** Nothing begins while it is not known whether the runs are still this gateway's. */
  pause(): void {
    this.#isPaused = true;
    for (const carried of this.#carried.values()) {
      carried.isPaused = true;
      liveOf(carried)?.pause();
    }
  }

  /** Goes on with those that nobody has taken up meanwhile. */
  async resume(): Promise<void> {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const all = [...this.#carried.values()].values();
    const check = async (): Promise<void> => {
      for (const carried of all) {
        const isOurs = await this.#isOurs(carried);
        if (this.#isPaused) return;
        if (this.#carried.get(carried.id) !== carried) continue;
        carried.isPaused = false;
        if (isOurs) liveOf(carried)?.resume();
        else this.#drop(carried);
      }
    };
    await Promise.all(Array.from({ length: checksAtOnce }, check));
  }

  /** Where that cannot be read, the next thing that is saved tells. */
  async #isOurs({ id, holding: { owner, generation } }: Carried): Promise<boolean> {
    try {
      const stored = await this.#host.store.readRun(id);
      return stored?.owner === owner && stored.generation === generation;
    } catch {
      return true;
    }
  }

  /** Resolves when nothing is carried out any more. */
  async allOver(): Promise<void> {
    if (this.#carried.size > 0) await (this.#empty ??= Promise.withResolvers()).promise;
  }

  dropAll(): void {
    for (const carried of this.#carried.values()) this.#drop(carried);
  }
}

function liveOf({ run }: Carried): LiveRun | undefined {
  return run instanceof LiveRun ? run : undefined;
}
