/** What one gateway has open: workflows, their stages that are not over, and which of those wait for a place. */

import { strict as assert } from "node:assert";
import type { StageId, StageKey, WorkflowId } from "../../model/workflow.ts";
import type { NewStage, NewWorkflow } from "../live/driver.ts";
import { createEntry, type Entry } from "./entry.ts";

export type OpenWorkflow = {
  readonly told: NewWorkflow;
  readonly sinceUs: number;
  readonly entries: Set<Entry>;
  /** Of a graph that is known: stages that are over, and whether they have run. */
  readonly over: Map<StageKey, { readonly id: StageId; readonly ran: boolean }>;
};

/** Each stage stands in `entries` and with its workflow until it is over; `waiting` has some of them. All is O(1), but for loops. */
export class OpenBook {
  readonly workflows = new Map<WorkflowId, OpenWorkflow>();
  /** In the order of their reveal. */
  readonly entries = new Map<StageKey, Entry>();
  /** Those that wait for a place, in the order in which they began to. */
  readonly waiting = new Map<StageKey, Entry>();
  /** Model stages that are ready and not over. */
  #ready = 0;
  #ordinal = 0;
  readonly #watchers = new Set<() => void>();

  get ready(): number {
    return this.#ready;
  }

  arrive(told: NewWorkflow, nowUs: number): void {
    assert(!this.workflows.has(told.workflow), `workflow ${told.workflow} is open already`);
    this.workflows.set(told.workflow, { told, sinceUs: nowUs, entries: new Set(), over: new Map() });
  }

  reveal(stage: NewStage): void {
    const workflow = this.workflows.get(stage.workflow);
    assert(workflow !== undefined, `workflow ${stage.workflow} is not open`);
    assert(!this.entries.has(stage.key), `stage ${stage.key} is revealed already`);
    const entry = createEntry(stage, this.#ordinal++);
    workflow.entries.add(entry);
    this.entries.set(stage.key, entry);
  }

  entry(key: StageKey): Entry {
    const entry = this.entries.get(key);
    if (entry === undefined) throw new Error(`stage ${key} is not revealed or is over`);
    return entry;
  }

  /** It is ready, and waits from now on. */
  makeReady(entry: Entry, nowUs: number): void {
    entry.status = "ready";
    entry.readyUs = nowUs;
    this.#ready += 1;
    this.wait(entry, nowUs);
  }

  wait(entry: Entry, nowUs: number): void {
    entry.sinceUs = nowUs;
    this.waiting.delete(entry.stage.key);
    this.waiting.set(entry.stage.key, entry);
  }

  /** It is over: its turns are taken back. False if it was. */
  close(key: StageKey, ran?: "ran"): boolean {
    const entry = this.entries.get(key);
    if (entry === undefined) return false;
    this.entries.delete(key);
    const workflow = this.workflows.get(entry.stage.workflow);
    workflow?.entries.delete(entry);
    if (workflow?.told.reveal === "static") workflow.over.set(key, { id: entry.stage.id, ran: ran !== undefined });
    this.waiting.delete(key);
    if (entry.status === "ready") this.#ready -= 1;
    for (const { turn } of entry.shares) turn?.revoke();
    if (this.#ready === 0) for (const watcher of this.#watchers) watcher();
    return true;
  }

  /** All of it is over. False if it was. */
  end(id: WorkflowId): boolean {
    const workflow = this.workflows.get(id);
    if (workflow === undefined) return false;
    for (const { stage } of workflow.entries) this.close(stage.key);
    return this.workflows.delete(id);
  }

  /** Resolves when no stage is ready any more, or when the signal says so. */
  async untilEmpty(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => {
      if (this.#ready === 0 || signal.aborted) resolve();
    };
    this.#watchers.add(done);
    signal.addEventListener("abort", done);
    done();
    await promise;
    this.#watchers.delete(done);
    signal.removeEventListener("abort", done);
  }
}
