/** Which engines hold a model, and whether one of them could give it up. */

import type { ModelId } from "../../../model/model.ts";
import type { ClusterState } from "../../../state/cluster-state.ts";
import type { EngineState } from "../../../state/engine-state.ts";
import { pickVictims } from "../../../state/residency.ts";

export class Copies {
  /** Of each model those that hold it, or will when they have worked off what they have. */
  readonly #holders = new Map<ModelId, EngineState[]>();
  /** What an engine serves now; undefined: nothing. */
  readonly #servedBy: (engine: EngineState) => ModelId | undefined;

  constructor(cluster: ClusterState, servedBy: (engine: EngineState) => ModelId | undefined) {
    this.#servedBy = servedBy;
    for (const engine of cluster)
      for (const { model } of engine.foreseen) {
        const holders = this.#holders.get(model);
        if (holders === undefined) this.#holders.set(model, [engine]);
        else holders.push(engine);
      }
  }

  /** No other engine that does its phase holds the model, but for such as serve another one now. */
  isLast(engine: EngineState, model: ModelId): boolean {
    const isLeft = (other: EngineState): boolean =>
      other !== engine &&
      (other.role === engine.role || other.role === "both") &&
      (this.#servedBy(other) ?? model) === model;
    return this.#holders.get(model)?.some(isLeft) !== true;
  }

  /** Whether a last copy would have to make way for the model there. */
  wouldLoseLast(engine: EngineState, model: ModelId): boolean {
    const { holding, foreseen } = engine;
    if (foreseen.some((resident) => resident.model === model)) return false;
    const bytes = holding.models.get(model)?.footprintBytes ?? 0;
    const room = { memoryBytes: holding.memoryBytes, maxResident: holding.engine.maxResident };
    return (pickVictims(foreseen, room, bytes) ?? []).some((victim) => this.isLast(engine, victim));
  }
}
