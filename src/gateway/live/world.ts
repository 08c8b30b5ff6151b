/** The live world: wall time, the state, and the journal that everything goes through. */

import { correctCosts, type CostFactors } from "../../cost/correct.ts";
import type { CostModel } from "../../cost/cost-model.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { JournalEvent, NewEvent } from "../../model/event.ts";
import type { ModelId } from "../../model/model.ts";
import { restoreCaches, type CacheCopy } from "./cache-copy.ts";
import { apply, createState, type State } from "../../state/apply.ts";

/** The longest a timer can wait. */
export const longestMs = 2 ** 31 - 1;

/** Whole microseconds that never run backwards. */
export type Clock = () => number;

export function createClock(): Clock {
  const startMs = performance.now();
  return () => Math.round((performance.now() - startMs) * 1000);
}

export class World {
  readonly clock: Clock;
  state: State;
  /** As the calibration has it, and as observation has corrected it. */
  baseCosts: CostModel;
  costs: CostModel;
  /** Position of the next record. */
  sequence = 1;
  /** Counts all stages in the order of their reveal. */
  ordinal = 0;
  readonly #listeners: ((event: JournalEvent) => void)[] = [];
  #nowUs = 0;

  constructor(costs: CostModel, clock: Clock) {
    this.clock = clock;
    this.baseCosts = costs;
    this.costs = costs;
    this.state = createState(costs.engines, false);
  }

  /** The moment under way: what happens in it happens at once. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** Begins a new moment. */
  tick(): number {
    this.#nowUs = Math.max(this.#nowUs, this.clock());
    return this.#nowUs;
  }

  /** Calls `listener` with every record, after it was applied. */
  listen(listener: (event: JournalEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Writes a record of what happens now, and changes the state accordingly. */
  emit(happened: NewEvent): JournalEvent {
    const event = { atUs: this.#nowUs, sequence: this.sequence, ...happened } as JournalEvent;
    apply(this.state, event);
    this.sequence += 1;
    for (const listener of this.#listeners) listener(event);
    return event;
  }

  /** Another cluster, in which these prefixes are cached and `prelude` tells what is open. */
  reset(costs: CostModel, caches: readonly CacheCopy[], prelude: readonly JournalEvent[]): void {
    this.baseCosts = costs;
    this.costs = costs;
    this.state = createState(costs.engines, false);
    restoreCaches(this.state, caches);
    for (const event of prelude) apply(this.state, event);
    this.sequence += prelude.length;
  }

  correct(engine: EngineId, model: ModelId, factors: CostFactors): void {
    this.emit({ kind: "cost-correct", engine, model, ...factors });
    this.costs = correctCosts(this.baseCosts, this.costs, engine, model, factors);
  }
}
