/** Which models an engine has failed to load, and for how long it is not asked to load them again. */

import type { ModelId } from "../../model/model.ts";
import { EngineFault } from "../adapter/engine-fault.ts";

/** After a failed load the model is not loaded ahead of need for so long, after several in a row not at all. */
const pauseUs = 30_000_000;
const mostInARow = 2;

type Failed = {
  readonly atUs: number;
  /** Of those that say something of the model. */
  readonly inARow: number;
  /** The last of these. */
  readonly error?: unknown;
};

export type Pause = { readonly error: unknown; readonly leftUs: number };

/** Costs an entry for each model of the engine at most. */
export class FailedLoads {
  readonly #byModel = new Map<ModelId, Failed>();

  /** Without an error it was given up, which says as little of the model as an engine that is not there. */
  add(model: ModelId, atUs: number, error: unknown): void {
    const { inARow = 0, ...before } = this.#byModel.get(model) ?? {};
    const counts = error !== undefined && !isUnreachable(error);
    this.#byModel.set(model, counts ? { atUs, inARow: inARow + 1, error } : { ...before, inARow, atUs });
  }

  /** It has been loaded. */
  remove(model: ModelId): void {
    this.#byModel.delete(model);
  }

  /** Whether the model was loaded the last time, or that is long ago. */
  mayPrefetch(model: ModelId, nowUs: number): boolean {
    const failed = this.#byModel.get(model);
    return failed === undefined || nowUs - failed.atUs >= pauseUs;
  }

  /** Models that are not to be loaded, even for a call. */
  paused(nowUs: number): ModelId[] {
    return [...this.#byModel.keys()].filter((model) => this.pauseOf(model, nowUs) !== undefined);
  }

  /** Why the model is not to be loaded, even for a call. */
  pauseOf(model: ModelId, nowUs: number): Pause | undefined {
    const failed = this.#byModel.get(model);
    if (failed === undefined || failed.inARow < mostInARow || this.mayPrefetch(model, nowUs)) return undefined;
    return { error: failed.error, leftUs: failed.atUs + pauseUs - nowUs };
  }
}

/** Nobody was there. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof EngineFault && error.kind === "unreachable";
}
