/** What all engines and links hold and do now, and forks of it for looking ahead. */

import { strict as assert } from "node:assert";
import type { EngineId } from "../model/cluster.ts";
import type { EngineHolding } from "../model/holding.ts";
import { EngineState } from "./engine-state.ts";

/**
 * A fork costs the same however large the cluster: it copies an engine when it first writes to it, and a prefix cache likewise.
 * Invariant: while a fork is in use, what it was forked from does not change.
 */
export class ClusterState {
  readonly #base: ClusterState | undefined;
  readonly #engines: (EngineState | undefined)[];
  readonly #indexOf: ReadonlyMap<EngineId, number>;
  readonly #linkFreeAtUs = new Map<string, number>();
  /** Whether prompts name what stages wrote as links of their own. Real prompts are text, in which an answer looks like any other. */
  readonly linksOutputs: boolean;

  private constructor(
    base: ClusterState | undefined,
    engines: (EngineState | undefined)[],
    indexOf: ReadonlyMap<EngineId, number>,
    linksOutputs: boolean,
  ) {
    this.linksOutputs = linksOutputs;
    this.#base = base;
    this.#engines = engines;
    this.#indexOf = indexOf;
  }

  static create(holdings: readonly EngineHolding[], linksOutputs = true): ClusterState {
    const indexOf = new Map(holdings.map((holding, index) => [holding.engine.id, index]));
    const engines = holdings.map((holding) => {
      const state = new EngineState(holding);
      state.residents = holding.engine.resident.map((model) => {
        const held = holding.models.get(model);
        assert(
          held !== undefined,
          `engine ${holding.engine.id} cannot hold ${model}, which its description calls resident`,
        );
        return { model, bytes: held.footprintBytes, loading: false };
      });
      state.foreseen = state.residents;
      return state;
    });
    return new ClusterState(undefined, engines, indexOf, linksOutputs);
  }

  fork(): ClusterState {
    return new ClusterState(this, [], this.#indexOf, this.linksOutputs);
  }

  /** A fork that has these engines at the positions that they name, in place of what stands there or behind all. */
  with(engines: readonly EngineState[]): ClusterState {
    const own: EngineState[] = [];
    const indexOf = new Map(this.#indexOf);
    for (const engine of engines) {
      own[engine.holding.index] = engine;
      indexOf.set(engine.id, engine.holding.index);
    }
    assert.equal(indexOf.size, Math.max(this.count, own.length), "engines of one name, or with a gap before them");
    return new ClusterState(this, own, indexOf, this.linksOutputs);
  }

  get count(): number {
    return this.#indexOf.size;
  }

  /** In the cluster's order. */
  *[Symbol.iterator](): IterableIterator<EngineState> {
    for (let index = 0; index < this.count; index++) yield this.at(index);
  }

  at(index: number): EngineState {
    const own = this.#engines[index];
    if (own !== undefined) return own;
    if (this.#base === undefined) throw new Error(`no engine at ${index}`);
    return this.#base.at(index);
  }

  indexOf(id: EngineId): number {
    const index = this.#indexOf.get(id);
    if (index === undefined) throw new Error(`no engine ${id}`);
    return index;
  }

  engine(id: EngineId): EngineState {
    return this.at(this.indexOf(id));
  }

  /** The engine for writing. */
  change(id: EngineId): EngineState {
    const index = this.indexOf(id);
    const own = this.#engines[index];
    if (own !== undefined) return own;
    const copy = this.at(index).clone();
    this.#engines[index] = copy;
    return copy;
  }

  /** When everything given to a way between hosts has passed; 0 if nothing ever was. */
  linkFreeAtUs(route: string): number {
    return this.#linkFreeAtUs.get(route) ?? this.#base?.linkFreeAtUs(route) ?? 0;
  }

  occupyLink(route: string, untilUs: number): void {
    this.#linkFreeAtUs.set(route, untilUs);
  }
}
