/** Looks after one engine: takes shares from its queue when there is room, and loads and unloads models for them. */

import { shareWork, sideBySide } from "../../cost/share-work.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { EngineState, QueuedShare } from "../../state/engine-state.ts";
import { pickVictims } from "../../state/residency.ts";
import type { Adapter, Sight } from "../adapter/adapter.ts";
import type { World } from "./world.ts";

export type DeskHost = {
  /** A share has been started: carry it. */
  readonly begin: (queued: QueuedShare, engine: EngineState, beside: number) => void;
  readonly onLoaded: (engine: EngineId, model: ModelId, tookUs: number) => void;
  readonly onLoadFailed: (engine: EngineId, model: ModelId, error: unknown) => void;
  /** Something happened outside of any call: a moment is over. */
  readonly settle: () => void;
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
  #loading: ModelId | undefined;

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

  /** Takes up what can be taken up now, in the queue's order. Nothing overtakes the head. */
  serve(): void {
    for (;;) {
      const engine = this.state;
      const [queued] = engine.queue;
      if (queued === undefined || !engine.up || this.#loading !== undefined) return;
      if (!engine.isResident(queued.stage.model)) {
        if (this.adapter.abilities.loads) {
          if (engine.running.length === 0) this.startLoad(queued.stage.model, "stage", queued.victims);
          return;
        }
        if (!this.#assume(queued.stage.model)) return;
        continue;
      }
      if (!hasRoom(engine, queued)) return;
      const beside = engine.running.length;
      this.#start(engine, queued);
      this.#host.begin(queued, engine, beside);
    }
  }

  #start(engine: EngineState, queued: QueuedShare): void {
    const { stage, share, attempt, items, phase } = queued;
    const kvTokens = kvTokensOf(engine, queued);
    const name = { stage: stage.key, share, attempt, engine: this.id };
    this.#world.emit({ kind: "share-start", ...name, phase, kvTokens });
    const work = shareWork(stage, items, sequencesOf(engine, queued), 0);
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
    if (held === undefined || this.#loading !== undefined) return false;
    const room = { memoryBytes: engine.holding.memoryBytes, maxResident: engine.holding.engine.maxResident };
    const victims = pickVictims(engine.residents, room, held.footprintBytes, preferred);
    if (victims === undefined) return false;
    for (const victim of victims)
      this.#world.emit({ kind: "model-evict", engine: this.id, model: victim, cause: "room" });
    const bytes = held.model.weightBytes;
    this.#world.emit({ kind: "model-load-start", engine: this.id, model, bytes, durationUs: held.loadUs, cause });
    this.#loading = model;
    void this.#load(model, victims, held.loadUs);
    return true;
  }

  async #load(model: ModelId, victims: readonly ModelId[], expectedUs: number): Promise<void> {
    const limitMs = Math.max(leastLoadMs, (expectedUs / 1000) * loadPatience);
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(limitMs)]);
    const startUs = this.#world.clock();
    let failure: unknown;
    try {
      for (const victim of victims) await this.adapter.unload(victim, signal);
      await this.adapter.load(model, signal);
    } catch (error) {
      failure = error ?? new Error("load failed");
    }
    this.#world.tick();
    this.#loading = undefined;
    this.#world.emit({ kind: "model-load-end", engine: this.id, model });
    if (failure === undefined) this.#host.onLoaded(this.id, model, this.#world.nowUs - startUs);
    else {
      this.#world.emit({ kind: "model-evict", engine: this.id, model, cause: "failed" });
      this.#host.onLoadFailed(this.id, model, failure);
    }
    this.serve();
    this.#host.settle();
  }

  /** Gives a model up because the policy says so. */
  unload(model: ModelId): void {
    this.#world.emit({ kind: "model-evict", engine: this.id, model, cause: "policy" });
    // What the server keeps all the same, the next look shows.
    this.adapter.unload(model, this.#closing.signal).catch(() => {});
  }

  /** Brings our picture of what is resident in line with what the server shows, where nothing of ours is under way. */
  observe({ resident }: Sight): void {
    const engine = this.state;
    if (resident === undefined || this.#loading !== undefined) return;
    for (const { model } of engine.residents) {
      if (resident.includes(model) || engine.running.some(({ stage }) => stage.model === model)) continue;
      this.#world.emit({ kind: "model-evict", engine: this.id, model, cause: "observed" });
    }
    for (const model of resident) if (!this.state.isResident(model)) this.#assume(model);
  }

  /** The server holds the model, or will once it is called: no load of ours. False if, by our figures, it does not fit. */
  #assume(model: ModelId): boolean {
    const engine = this.state;
    const held = this.#world.costs.engine(this.id).models.get(model);
    if (held === undefined) return false;
    const room = { memoryBytes: engine.holding.memoryBytes, maxResident: engine.holding.engine.maxResident };
    const victims = pickVictims(engine.residents, room, held.footprintBytes);
    if (victims === undefined) return false;
    if (victims.some((victim) => engine.running.some(({ stage }) => stage.model === victim))) return false;
    for (const victim of victims)
      this.#world.emit({ kind: "model-evict", engine: this.id, model: victim, cause: "observed" });
    const bytes = held.model.weightBytes;
    this.#world.emit({ kind: "model-load-start", engine: this.id, model, bytes, durationUs: 0, cause: "observed" });
    this.#world.emit({ kind: "model-load-end", engine: this.id, model });
    return true;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.adapter[Symbol.asyncDispose]();
  }
}

/** Whether the engine can run the share beside what runs there now. */
function hasRoom(engine: EngineState, queued: QueuedShare): boolean {
  const { batching } = engine.holding.engine;
  if (engine.running.length === 0) return true;
  if (batching.kind === "exclusive") return false;
  const mixes = batching.mixesModels === true;
  if (!mixes && engine.running.some(({ stage }) => stage.model !== queued.stage.model)) return false;
  let sequences = sequencesOf(engine, queued);
  for (const running of engine.running) sequences += sequencesOf(engine, running);
  if (sequences > batching.maxSequences) return false;
  const capacity = engine.holding.models.get(queued.stage.model)?.kvCapacityTokens ?? 0;
  return engine.kvTokens + kvTokensOf(engine, queued) <= capacity;
}

/** Items of the share side by side. */
function sequencesOf(engine: EngineState, { stage, items }: QueuedShare): number {
  const held = engine.holding.models.get(stage.model);
  const most = engine.holding.engine.batching.maxSequences;
  return held === undefined ? 1 : Math.min(items, sideBySide(stage, held, most));
}

/** What the share is expected to fill, never more than there is: a server preempts what outgrows it. */
function kvTokensOf(engine: EngineState, queued: QueuedShare): number {
  const { stage, items } = queued;
  const capacity = engine.holding.models.get(stage.model)?.kvCapacityTokens ?? 0;
  return Math.min(capacity, shareWork(stage, items, sequencesOf(engine, queued), stage.outputTokens).kvTokens);
}
