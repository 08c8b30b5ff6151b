/**
 * An engine that serves many shares side by side: in one batch, of one model at a time, or where it mixes models in a batch per
 * model. It loads what is missing while nothing runs there, and nothing joins during a load.
 */

import type { ModelId } from "../model/model.ts";
import { mixesModels } from "../model/cluster.ts";
import type { EngineState, QueuedShare } from "../state/engine-state.ts";
import { admissibleShare } from "./batch-admission.ts";
import { BatchLoop } from "./batch-loop.ts";
import { nextToMix } from "./mixed-admission.ts";
import { startLoad, type Floor } from "./share-steps.ts";

export class BatchedEngine {
  readonly #floor: Floor;
  readonly #engine: EngineState;
  /** The one batch there is, unless models are mixed. */
  readonly #only: BatchLoop | undefined;
  /** That one, or one of each model that has run, in the order in which they first did. */
  readonly #loops: BatchLoop[] = [];
  readonly #perModel = new Map<ModelId, BatchLoop>();

  constructor(floor: Floor, engine: EngineState) {
    this.#floor = floor;
    this.#engine = engine;
    if (mixesModels(engine.holding.engine)) return;
    this.#only = new BatchLoop(floor, engine);
    this.#loops.push(this.#only);
  }

  /** Takes up what can be taken up now. */
  serve(): void {
    for (const loop of this.#loops) loop.dropLost();
    if (!this.#engine.up || this.#engine.loadEndUs > 0) return;
    if (this.#only?.busy === true && !this.#only.isLong) return;
    for (const loop of this.#loops) {
      if (loop.isLong && loop.hasPrompt()) loop.cut();
      loop.lookAhead();
    }
    if (!this.#admit()) return;
    for (const loop of this.#loops) loop.go();
  }

  /** False if a load must come first. */
  #admit(): boolean {
    for (;;) {
      const queued = this.#only === undefined ? this.#nextToMix() : this.#nextOf(this.#only);
      if (queued === undefined) return true;
      const { model } = queued.stage;
      if (!this.#engine.isResident(model)) {
        if (this.#engine.running.length > 0) return true;
        const { world } = this.#floor;
        startLoad(world, this.#engine, model, "stage", queued.victims, () => world.rouse(this.#engine.id));
        return false;
      }
      (this.#only ?? this.#loopOf(model)).take(queued);
    }
  }

  /** What can join now. If something could once the iterations under way end, they end with the one of now. */
  #nextOf(loop: BatchLoop): QueuedShare | undefined {
    const written = (share: QueuedShare): number => loop.writtenBefore(share);
    const queued = admissibleShare(this.#engine, loop.groups, written, this.#floor.world.nowUs);
    if (queued === undefined || !loop.hasRoomInStep(queued)) return undefined;
    if (!loop.busy) return queued;
    loop.cut();
    return undefined;
  }

  #nextToMix(): QueuedShare | undefined {
    const groups = this.#loops.flatMap((loop) => loop.groups);
    return nextToMix(this.#engine, (model) => this.#loopOf(model), groups, this.#floor.world.nowUs);
  }

  #loopOf(model: ModelId): BatchLoop {
    let loop = this.#perModel.get(model);
    if (loop === undefined) {
      loop = new BatchLoop(this.#floor, this.#engine, model);
      this.#perModel.set(model, loop);
      this.#loops.push(loop);
      loop.lookAhead();
    }
    return loop;
  }
}
