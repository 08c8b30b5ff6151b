/** The live world: wall time, the state, and the journal that everything goes through. */

import { correctCosts, type CostFactors } from "../../cost/correct.ts";
import type { CostModel } from "../../cost/cost-model.ts";
import type { EngineId } from "../../model/cluster.ts";
import type { JournalEvent, NewEvent } from "../../model/event.ts";
import type { ModelId } from "../../model/model.ts";
import type { StageKey } from "../../model/workflow.ts";
import type { StageNode } from "../../state/workflow-state.ts";
import { restoreCaches, type CacheCopy } from "./cache-copy.ts";
import type { Time } from "./time.ts";
import { apply, createState, type State } from "../../state/apply.ts";

/** The longest a timer can wait. */
export const longestMs = 2 ** 31 - 1;

export class World {
  readonly time: Time;
  state: State;
  /** As the calibration has it, and as observation has corrected it. */
  baseCosts: CostModel;
  costs: CostModel;
  /** Position of the next record. */
  sequence = 1;
  /** Counts all stages in the order of their reveal. */
  ordinal = 0;
  readonly #listeners: ((event: JournalEvent) => void)[] = [];
  /** Stages that were over when somebody began to follow the journal, or another file of it began. */
  readonly #leftOut = new WeakSet<StageNode>();
  #nowUs = 0;

  constructor(costs: CostModel, time: Time) {
    this.time = time;
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
    this.#nowUs = Math.max(this.#nowUs, this.time.nowUs());
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

  /** Somebody is told what is open now, and not what of it is over. */
  leaveOut(): void {
    for (const { stages } of this.state.workflows.open.values())
      for (const node of stages.values()) if (node.status === "ended") this.#leftOut.add(node);
  }

  /** Whether all who follow the journal know of this stage. */
  isKnown(key: StageKey): boolean {
    const { workflows } = this.state;
    return workflows.has(key) && !this.#leftOut.has(workflows.node(key));
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
