/** Looks after all engines: those that come and go, fail, recover, and what they show of themselves. */

import { strict as assert } from "node:assert";
import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { EngineState, QueuedShare } from "../../state/engine-state.ts";
import type { Adapter, Sight } from "../adapter/adapter.ts";
import { hasOther } from "./admission.ts";
import type { ShareFault } from "./driver.ts";
import { EngineDesk, type DeskHost } from "./engine-desk.ts";
import { isUnreachable, type Pause } from "./failed-loads.ts";
import type { Learning } from "./learning.ts";
import type { Moments } from "./moments.ts";
import type { StageDesk } from "./stage-desk.ts";
import { pickUnloadable, type Unloadable } from "./unloadable.ts";
import type { World } from "./world.ts";

export type EngineDesksHost = {
  readonly world: World;
  readonly moments: Moments;
  readonly stages: StageDesk;
  readonly learning: Learning;
  readonly begin: DeskHost["begin"];
  readonly hardestWaitUs: DeskHost["hardestWaitUs"];
  /** Absent: always. */
  readonly acts?: DeskHost["acts"] | undefined;
  readonly onOutcome: (engine: EngineId, fault: ShareFault | undefined, call?: StageKey) => void;
  readonly onFault: (error: unknown) => void;
};

export class EngineDesks {
  readonly #host: EngineDesksHost;
  readonly #desks = new Map<EngineId, EngineDesk>();
  /** Those that are about to leave: what they alone can serve waits for what comes in their place. */
  readonly leaving = new Set<EngineId>();
  #held = false;

  constructor(host: EngineDesksHost, adapters: readonly Adapter[]) {
    this.#host = host;
    this.take(adapters);
  }

  [Symbol.iterator](): Iterator<EngineDesk> {
    return this.#desks.values();
  }

  of(engine: EngineId): EngineDesk {
    const desk = this.#desks.get(engine);
    assert(desk !== undefined, `no engine ${engine}`);
    return desk;
  }

  serve = (engine: EngineId): void => this.#desks.get(engine)?.serve();

  /** None of them takes anything up before all of it is done. */
  hold(what: () => void): void {
    this.#held = true;
    try {
      what();
    } finally {
      this.#held = false;
      for (const desk of this.#desks.values()) desk.serve();
    }
  }

  /** Gives a desk to each adapter that has none. */
  take(adapters: readonly Adapter[]): void {
    const { world, moments, learning, begin, hardestWaitUs, acts = () => true } = this.#host;
    const host: DeskHost = {
      begin,
      hardestWaitUs,
      acts: () => !this.#held && acts(),
      live: (what) => moments.live(what),
      onLoaded: (engine, model, tookUs) => learning.onLoaded(engine, model, tookUs),
      onLoadFailed: (engine, model, error) => this.#onLoadFailed(engine, model, error),
      onPaused: (engine, stage, pause) => this.#onPaused(engine, stage, pause),
    };
    for (const adapter of adapters)
      if (!this.#desks.has(adapter.engine)) this.#desks.set(adapter.engine, new EngineDesk(world, adapter, host));
  }

  /** Takes the desks away that look after other adapters than these. */
  remove(adapters: readonly Adapter[]): EngineDesk[] {
    const gone = [...this.#desks.values()].filter(({ adapter }) => !adapters.includes(adapter));
    for (const desk of gone) this.#desks.delete(desk.id);
    return gone;
  }

  up(id: EngineId): void {
    const { world, moments } = this.#host;
    if (!this.#desks.has(id) || this.leaving.has(id) || world.state.cluster.engine(id).up) return;
    moments.live(() => {
      world.emit({ kind: "engine-up", engine: id });
      // Meanwhile it may have been started anew.
      for (const { model } of world.state.cluster.engine(id).residents)
        world.emit({ kind: "prefix-drop", engine: id, model });
      this.serve(id);
    });
  }

  /** Takes nothing new; what waits for it goes elsewhere, what runs there ends or fails by itself. */
  down(id: EngineId): void {
    const { world, moments, stages } = this.#host;
    if (!this.#desks.has(id) || !world.state.cluster.engine(id).up) return;
    moments.live(() => {
      world.emit({ kind: "engine-drain", engine: id });
      for (const key of queuedFor(world.state.cluster, id)) {
        const open = stages.find(key);
        if (open !== undefined) stages.lose(open);
      }
    });
  }

  sight(id: EngineId, sight: Sight): void {
    const desk = this.#desks.get(id);
    if (desk === undefined) return;
    this.#host.moments.live(() => {
      desk.observe(sight);
      desk.serve();
    });
  }

  prefixGone(id: EngineId, model: ModelId, hash: number | undefined): void {
    const { world, moments } = this.#host;
    if (!this.#desks.has(id) || !world.state.cluster.engine(id).holding.models.has(model)) return;
    moments.begin();
    world.emit({ kind: "prefix-drop", engine: id, model, ...(hash === undefined ? {} : { hash }) });
  }

  /** Nothing new for these; resolves when nothing runs there any more. What still does when the signal says so is given up. */
  async leave(engines: readonly EngineId[], signal: AbortSignal): Promise<void> {
    const { world, moments, stages } = this.#host;
    for (const engine of engines) {
      if (!this.#desks.has(engine)) continue;
      this.leaving.add(engine);
      this.down(engine);
    }
    const running = (): StageKey[] =>
      engines.flatMap((id) =>
        this.#desks.has(id) ? world.state.cluster.engine(id).running.map(({ stage }) => stage.key) : [],
      );
    await moments.until(() => running().length === 0, signal);
    const refusal = { kind: "engine-failed", message: "the engine has left", retryAfterS: 1 } as const;
    moments.live(() => {
      for (const key of running()) {
        const open = stages.find(key);
        if (open?.work.patient === true) stages.lose(open);
        else if (open !== undefined) stages.refuse(open, refusal, "timed-out");
      }
    });
  }

  /** What policies are not to count on engines to load. */
  unloadable(): readonly Unloadable[] {
    const paused = [...this.#desks.values()].flatMap((desk) =>
      desk.paused.map((model) => ({ engine: desk.id, model })),
    );
    return pickUnloadable(this.#host.world, paused);
  }

  /** That a model cannot be loaded says nothing of the engine: others may run there. */
  #onLoadFailed(engine: EngineId, model: ModelId, error: unknown): void {
    const { world, stages, onOutcome, onFault } = this.#host;
    const message = loadFailure(engine, model, error);
    onFault(new Error(message));
    const isGone = isUnreachable(error);
    const fault = { kind: isGone ? "unreachable" : "busy", retry: true, message } as const;
    if (isGone) onOutcome(engine, fault);
    const waiting = world.state.cluster.engine(engine).queue.filter(({ stage }) => stage.model === model);
    for (const { stage } of waiting) {
      const open = stages.find(stage.key);
      if (open !== undefined) stages.fail(open, engine, fault);
    }
  }

  /** Elsewhere, or else nowhere. */
  #onPaused(engine: EngineId, { key, model }: VisibleModelStage, { error, leftUs }: Pause): void {
    const { world, moments, stages } = this.#host;
    const open = stages.find(key);
    if (open === undefined) return;
    const message = loadFailure(engine, model, error);
    moments.live(() => {
      if (hasOther(world, key, engine)) stages.lose(open, engine);
      else stages.refuse(open, { kind: "engine-failed", message, retryAfterS: Math.ceil(leftUs / 1e6) }, "failed");
    });
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#desks.values(), (desk) => desk.close()));
  }
}

function loadFailure(engine: EngineId, model: ModelId, error: unknown): string {
  return `${engine} could not load ${model}: ${error instanceof Error ? error.message : String(error)}`;
}

/** Stages with a share in the engine's queue, or in another's and to be decoded on it. */
function queuedFor(cluster: Iterable<EngineState>, id: EngineId): Set<StageKey> {
  const keys = new Set<StageKey>();
  for (const engine of cluster) {
    const isFor = ({ decodeEngine }: QueuedShare): boolean => engine.id === id || decodeEngine === id;
    for (const share of engine.queue) if (isFor(share)) keys.add(share.stage.key);
  }
  return keys;
}
