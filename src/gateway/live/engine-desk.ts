/** Looks after one engine: takes shares from its queue when there is room, and loads and unloads models for them. */

import { shareWork } from "../../cost/share-work.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState, QueuedShare } from "../../state/engine-state.ts";
import { pickVictims } from "../../state/residency.ts";
import type { Adapter, Sight } from "../adapter/adapter.ts";
import { FailedLoads, type Pause } from "./failed-loads.ts";
import { pickNext } from "./pick-next.ts";
import { hasRoom, kvTokensOf, placesOf } from "./room.ts";
import { signalAfter } from "./time.ts";
import { longestMs, type World } from "./world.ts";

export type DeskHost = {
  /** A share has been started: carry it. */
  readonly begin: (queued: QueuedShare, engine: EngineState, beside: number) => void;
  readonly onLoaded: (engine: EngineId, model: ModelId, tookUs: number) => void;
  readonly onLoadFailed: (engine: EngineId, model: ModelId, error: unknown) => void;
  /** The model of a share that has come up is not loaded for a while: others would wait behind it. */
  readonly onPaused: (engine: EngineId, stage: VisibleModelStage, pause: Pause) => void;
  /** Lives through a moment, at whose end the policy is asked. */
  readonly live: (what: () => void) => void;
  /** What has waited this long goes before everything else. */
  readonly hardestWaitUs: () => number;
  /** Whether engines may be made to do anything now. */
  readonly acts: () => boolean;
};

/** A load that takes this much longer than expected has failed. */
const loadPatience = 20;
const leastLoadMs = 60_000;

export class EngineDesk {
  readonly id: EngineId;
  readonly adapter: Adapter;
  readonly #world: World;
  readonly #host: DeskHost;
  readonly #closing = new AbortController();
  /** Those under way in our books: at most one. */
  #loading: { readonly model: ModelId } | undefined;
  #unloading = 0;
  /** What is shown next may have been seen before the last load or unload was over. */
  #stale = false;
  #serving = false;
  readonly #failed = new FailedLoads();

  constructor(world: World, adapter: Adapter, host: DeskHost) {
    this.id = adapter.engine;
    this.adapter = adapter;
    this.#world = world;
    this.#host = host;
  }

  get state(): EngineState {
    return this.#world.state.cluster.engine(this.id);
  }

  get loading(): boolean {
    return this.#loading !== undefined;
  }

  /** Takes up what can be taken up now, one after another: nothing overtakes what comes next. */
  serve(): void {
    // Something that it has just started is over already: the loop goes on by itself.
    if (this.#serving || this.#closing.signal.aborted || !this.#host.acts()) return;
    this.#serving = true;
    try {
      while (this.#takeUp());
    } finally {
      this.#serving = false;
    }
  }

  #takeUp(): boolean {
    const engine = this.state;
    const queued = pickNext(this.#world, engine, this.#host.hardestWaitUs());
    if (queued === undefined || !engine.up || this.#loading !== undefined) return false;
    if (!engine.isResident(queued.stage.model)) {
      if (!this.adapter.abilities.loads) return this.#assume(queued.stage.model);
      const pause = this.#failed.pauseOf(queued.stage.model, this.#world.nowUs);
      if (pause !== undefined) {
        this.#host.onPaused(this.id, queued.stage, pause);
        return !engine.queue.includes(queued);
      }
      if (engine.running.length === 0) this.startLoad(queued.stage.model, "stage", queued.victims);
      return false;
    }
    if (!hasRoom(engine, queued)) return false;
    const beside = engine.running.length;
    this.begin(queued);
    this.#host.begin(queued, engine, beside);
    return true;
  }

  /** Takes it from the queue. */
  begin(queued: QueuedShare): void {
    const engine = this.state;
    const { stage, share, attempt, items, phase } = queued;
    const kvTokens = kvTokensOf(engine, queued);
    const name = { stage: stage.key, share, attempt, engine: this.id };
    this.#world.emit({ kind: "share-start", ...name, phase, kvTokens });
    const work = shareWork(stage, items, placesOf(engine, queued), 0);
    if (phase !== "decode") {
      const promptTokens = work.sharedTokens + items * work.ownTokens;
      const cachedTokens = Math.min(engine.cachedTokens(stage), Math.max(0, promptTokens - 1));
      this.#world.emit({ kind: "prefill-start", ...name, promptTokens, cachedTokens });
      return;
    }
    const { sequences, waves, contextTokens } = work;
    this.#world.emit({ kind: "decode-start", ...name, sequences, waves, contextTokens });
  }

  /** Makes room and loads; false if that cannot be now. */
  startLoad(model: ModelId, cause: "stage" | "prefetch", preferred: readonly ModelId[] | undefined): boolean {
    const engine = this.state;
    const held = this.#world.costs.engine(this.id).models.get(model);
    if (held === undefined || this.#loading !== undefined || !this.#host.acts()) return false;
    const victims = victimsOf(engine, held.footprintBytes, preferred);
    if (victims === undefined) return false;
    for (const victim of victims)
      this.#world.emit({ kind: "model-evict", engine: this.id, model: victim, cause: "room" });
    const bytes = held.model.weightBytes;
    this.#world.emit({ kind: "model-load-start", engine: this.id, model, bytes, durationUs: held.loadUs, cause });
    this.#loading = { model };
    void this.#load(this.#loading, victims, held.loadUs);
    return true;
  }

  /** Models that it does not load for a while. */
  get paused(): readonly ModelId[] {
    return this.#failed.paused(this.#world.nowUs);
  }

  /** Whether the model was loaded the last time, or that is long ago. */
  mayPrefetch(model: ModelId): boolean {
    return this.#failed.mayPrefetch(model, this.#world.nowUs);
  }

  async #load(load: { readonly model: ModelId }, victims: readonly ModelId[], expectedUs: number): Promise<void> {
    const limitMs = Math.min(longestMs, Math.max(leastLoadMs, Math.ceil((expectedUs / 1000) * loadPatience)));
    const { time } = this.#world;
    const limit = signalAfter(time, limitMs);
    const signal = AbortSignal.any([this.#closing.signal, limit.signal]);
    const startUs = time.nowUs();
    let failure: unknown;
    try {
      for (const victim of victims) await orAborted(this.adapter.unload(victim, signal), signal);
      await orAborted(this.adapter.load(load.model, signal), signal);
    } catch (error) {
      failure = error ?? new Error("load failed");
    } finally {
      limit.stop();
    }
    // It may have been given up meanwhile.
    if (this.#loading !== load) return;
    this.#host.live(() => {
      this.#endLoad(failure === undefined, failure);
      if (failure === undefined) this.#host.onLoaded(this.id, load.model, this.#world.nowUs - startUs);
      else this.#host.onLoadFailed(this.id, load.model, failure);
      this.serve();
    });
  }

  #endLoad(loaded: boolean, error?: unknown): void {
    if (this.#loading === undefined) return;
    const { model } = this.#loading;
    this.#loading = undefined;
    this.#stale = true;
    this.#world.emit({ kind: "model-load-end", engine: this.id, model });
    if (loaded) this.#failed.remove(model);
    else {
      this.#world.emit({ kind: "model-evict", engine: this.id, model, cause: "failed" });
      this.#failed.add(model, this.#world.nowUs, error);
    }
  }

  /** A load under way counts as failed, whatever becomes of it: nobody waits for it any more. */
  giveUpLoad(): void {
    this.#endLoad(false);
  }

  /** Gives a model up because the policy says so. */
  unload(model: ModelId): void {
    if (!this.#host.acts()) return;
    this.#world.emit({ kind: "model-evict", engine: this.id, model, cause: "policy" });
    this.#unloading += 1;
    // What the server keeps all the same, the next look shows.
    void orAborted(this.adapter.unload(model, this.#closing.signal), this.#closing.signal)
      .catch(() => {})
      .then(() => {
        this.#unloading -= 1;
        this.#stale = true;
      });
  }

  /** Brings our picture of what is resident in line with what the server shows, where nothing of ours is under way. */
  observe({ resident }: Sight): void {
    if (resident === undefined || this.#loading !== undefined || this.#unloading > 0) return;
    if (this.#stale) {
      this.#stale = false;
      return;
    }
    const engine = this.state;
    for (const { model } of engine.residents) {
      if (resident.includes(model) || engine.running.some(({ stage }) => stage.model === model)) continue;
      this.#world.emit({ kind: "model-evict", engine: this.id, model, cause: "observed" });
    }
    for (const model of resident) if (!engine.isResident(model)) this.#assume(model, resident);
  }

  /** What it held when an earlier process last knew of it, least recently used first: taken to be there still, until it is looked at. */
  recall(models: readonly ModelId[]): void {
    for (const model of models) if (!this.state.isResident(model)) this.#assume(model, models);
  }

  /** Whether it holds the model, as it must where a share runs: whoever started it has seen to that. Nothing begins during a load. */
  holds(model: ModelId): boolean {
    return this.#loading === undefined && (this.state.isResident(model) || this.#assume(model));
  }

  /** The server holds the model, or will once it is called: no load of ours. False if, by our figures, it does not fit beside these. */
  #assume(model: ModelId, beside: readonly ModelId[] = []): boolean {
    const engine = this.state;
    const held = this.#world.costs.engine(this.id).models.get(model);
    if (held === undefined) return false;
    const victims = victimsOf(engine, held.footprintBytes);
    if (victims === undefined) return false;
    const stays = (victim: ModelId): boolean =>
      beside.includes(victim) || engine.running.some(({ stage }) => stage.model === victim);
    if (victims.some(stays)) return false;
    for (const victim of victims)
      this.#world.emit({ kind: "model-evict", engine: this.id, model: victim, cause: "observed" });
    const bytes = held.model.weightBytes;
    this.#world.emit({ kind: "model-load-start", engine: this.id, model, bytes, durationUs: 0, cause: "observed" });
    this.#world.emit({ kind: "model-load-end", engine: this.id, model });
    return true;
  }

  async close(): Promise<void> {
    this.giveUpLoad();
    this.#closing.abort();
    await this.adapter[Symbol.asyncDispose]();
  }
}

/** Who must go so that this much fits; undefined if nothing makes room. */
function victimsOf({ residents, holding }: EngineState, bytes: number, preferred?: readonly ModelId[]) {
  const room = { memoryBytes: holding.memoryBytes, maxResident: holding.engine.maxResident };
  return pickVictims(residents, room, bytes, preferred);
}

/** The promise, or a rejection as soon as the signal says so: not every server heeds it. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort);
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
}
