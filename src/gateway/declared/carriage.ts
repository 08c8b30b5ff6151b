/** Runs that this gateway carries out: each from when it is taken in, or up, until it is over or somebody else's. */

import type { Store } from "../../store/store.ts";
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
  readonly #live = new Map<RunId, LiveRun>();
  readonly #runGate: Gate = createGate(mostBegun);
  readonly #stageGate: Gate;
  #isPaused = false;

  constructor(host: CarriageHost) {
    this.#host = host;
    const { maxWaiting } = host.config.queue ?? { maxWaiting: usualWaiting };
    this.#stageGate = createGate(Math.max(1, Math.floor(maxWaiting * queueShare)));
  }

  get open(): number {
    return this.#live.size;
  }

  find(id: RunId): LiveRun | undefined {
    return this.#live.get(id);
  }

  /** `fault` says why it cannot be carried out: then all that is done is to end it. */
  carry(run: DeclaredRun, release: () => void, fault?: WireError): LiveRun {
    // An earlier time of the same run ends where a later one begins.
    this.#live.get(run.id)?.drop();
    const live = this.#create(run);
    this.#live.set(run.id, live);
    if (this.#isPaused) live.pause();
    void live.over.then(() => {
      this.#runGate.leave(live);
      if (this.#live.get(run.id) === live) this.#live.delete(run.id);
      if (!live.isDropped) this.#host.kept.add(live.value, live.log);
      release();
      this.#host.onEnd();
    });
    if (fault === undefined) this.#runGate.come(live, () => this.#begin(live));
    else live.fail(fault);
    return live;
  }

  /** A mistake of ours costs the run its carrier here, and no other run anything. */
  #begin(live: LiveRun): void {
    try {
      live.begin();
    } catch (error) {
      this.#host.onFault(`workflow ${live.value.id} cannot begin: ${String(error)}`);
      live.drop();
    }
  }

  #create(run: DeclaredRun): LiveRun {
    const { config, models, nowMs, retryWaitMs = 200 } = this.#host;
    return new LiveRun(run, {
      ...this.#host,
      log: createEventLog(keptEvents, nowMs, run.holding.generation),
      stageGate: this.#stageGate,
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
    for (const live of this.#live.values()) live.pause();
  }

  /** Goes on with those that nobody has taken up meanwhile. */
  async resume(): Promise<void> {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const runs = [...this.#live.values()].values();
    const check = async (): Promise<void> => {
      for (const live of runs) {
        if (await this.#isOurs(live)) live.resume();
        else live.drop();
      }
    };
    await Promise.all(Array.from({ length: checksAtOnce }, check));
  }

  /** Where that cannot be read, the next thing that is saved tells. */
  async #isOurs({ value }: LiveRun): Promise<boolean> {
    const { owner, generation } = value.holding;
    try {
      const stored = await this.#host.store.readRun(value.id);
      return stored?.owner === owner && stored.generation === generation;
    } catch {
      return true;
    }
  }

  async allOver(): Promise<void> {
    await Promise.all(Array.from(this.#live.values(), ({ over }) => over));
  }

  dropAll(): void {
    for (const live of this.#live.values()) live.drop();
  }
}
