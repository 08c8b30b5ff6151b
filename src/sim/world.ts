/** The simulated world: one clock, what is still to happen, the state, and the journal that everything goes through. */

import { strict as assert } from "node:assert";
import type { CostModel } from "../cost/cost-model.ts";
import type { EngineId } from "../model/cluster.ts";
import type { JournalEvent, NewEvent } from "../model/event.ts";
import type { Stage, StageKey, Workflow } from "../model/workflow.ts";
import { apply, createState, type State } from "../state/apply.ts";
import { EventQueue } from "./event-queue.ts";

/** A stage as it truly is, for as long as its workflow is open. */
export type Truth = {
  readonly workflow: Workflow;
  readonly stage: Stage;
};

export class World {
  readonly costs: CostModel;
  readonly state: State;
  readonly queue = new EventQueue();
  readonly truth = new Map<StageKey, Truth>();
  /** Something happened that a policy may want to answer. */
  changed = false;
  /** Engines that may have something to take up, in the order in which they came up. */
  readonly #roused = new Set<EngineId>();
  /** What waits for the policy's answer at this instant. */
  #afterPlan: (() => void)[] = [];
  readonly #listeners: ((event: JournalEvent) => void)[] = [];
  #nowUs = 0;
  #sequence = 0;

  constructor(costs: CostModel) {
    this.costs = costs;
    this.state = createState(costs.engines);
  }

  get nowUs(): number {
    return this.#nowUs;
  }

  /** How many records were written. */
  get events(): number {
    return this.#sequence;
  }

  /** Calls `listener` with every record, after it was applied. */
  listen(listener: (event: JournalEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Writes a record of what happens now, and changes the state accordingly. */
  emit(happened: NewEvent): JournalEvent {
    this.#sequence += 1;
    const event = { atUs: this.#nowUs, sequence: this.#sequence, ...happened } as JournalEvent;
    apply(this.state, event);
    for (const listener of this.#listeners) listener(event);
    return event;
  }

  after(delayUs: number, run: () => void): void {
    assert(Number.isSafeInteger(delayUs) && delayUs >= 0, `something is to happen after ${delayUs} us`);
    this.queue.schedule(this.#nowUs + delayUs, run);
  }

  advanceTo(atUs: number): void {
    this.#nowUs = atUs;
  }

  /** Has `engine` looked after once everything that happens at this instant has happened. */
  rouse(engine: EngineId): void {
    this.#roused.add(engine);
  }

  /** Runs it at this instant, once the policy has been asked about all that has changed. */
  afterPlan(run: () => void): void {
    this.#afterPlan.push(run);
  }

  takeAfterPlan(): readonly (() => void)[] {
    if (this.#afterPlan.length === 0) return [];
    const waiting = this.#afterPlan;
    this.#afterPlan = [];
    return waiting;
  }

  takeRoused(): readonly EngineId[] {
    if (this.#roused.size === 0) return [];
    const roused = [...this.#roused];
    this.#roused.clear();
    return roused;
  }
}
