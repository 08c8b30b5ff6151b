/** What a run has come to so far: its records, and the values that templates and conditions read of them. */

import { addUsage, isOver, newRecord, type DeclaredRun, type StageRecord } from "./declared-run.ts";
import { createComparing } from "./compare.ts";
import { comparing, type Scope } from "./evaluate.ts";
import type { ItemResult } from "./model-call.ts";
import type { Json, RunStatus, WireError } from "./wire.ts";

/** Characters of all results of a run. */
export const maxRunCharacters = 64_000_000;

type Shown = Pick<StageRecord, "id" | "status"> & { readonly text?: string | null; readonly json?: Json };

export class RunBook {
  readonly #records: Map<string, StageRecord>;
  readonly #values: { [stage: string]: Json } = {};
  readonly #comparing = createComparing();
  #run: DeclaredRun;
  #characters = 0;

  constructor(run: DeclaredRun) {
    this.#run = run;
    this.#records = new Map(run.stages);
    for (const record of run.stages.values()) {
      if (!isOver(record.status)) continue;
      this.#show(record);
      if (record.status === "ended") this.#count(record.text, record.json);
    }
  }

  get id(): string {
    return this.#run.id;
  }

  /** As it is now. O(stages). */
  get value(): DeclaredRun {
    return { ...this.#run, stages: new Map(this.#records) };
  }

  /** Whether its results fit what a run may hold. */
  get fits(): boolean {
    return this.#characters <= maxRunCharacters;
  }

  record(id: string): StageRecord {
    return this.#records.get(id) ?? newRecord(id, "llm");
  }

  hasEnded(id: string): boolean {
    return this.record(id).status === "ended";
  }

  change(id: string, change: Partial<StageRecord>): void {
    this.#records.set(id, { ...this.record(id), ...change });
  }

  addItem(id: string, { usage, text, json }: ItemResult): void {
    const { itemsDone, usage: before } = this.record(id);
    this.#count(text, json);
    this.change(id, { itemsDone: itemsDone + 1, usage: addUsage(before, usage) });
  }

  /** A tool's result, which has no items. */
  addToolResult(text: string): void {
    this.#count(text, undefined);
  }

  /** The stage is over, which is saved, and from now on can be read: as nothing, unless it ended. */
  end(record: StageRecord): void {
    this.#records.set(record.id, record);
    this.#show(record);
  }

  /** The whole run is over, and with it whatever was still open. */
  close(status: RunStatus, endedMs: number, error: WireError | undefined): void {
    for (const { id, status: reached } of this.#records.values())
      if (!isOver(reached)) this.change(id, { status: "cancelled", endedMs });
    this.#run = { ...this.#run, status, endedMs, ...(error === undefined ? {} : { error }) };
  }

  scope(): Scope {
    return { inputs: this.#run.workflow.inputs, stages: this.#values, [comparing]: this.#comparing };
  }

  #show({ id, status, text = null, json = null }: Shown): void {
    this.#values[id] = status === "ended" ? { status, text, json } : { status, text: null, json: null };
  }

  #count(text: string | undefined, json: Json | undefined): void {
    this.#characters += text?.length ?? (json === undefined ? 0 : JSON.stringify(json).length);
  }
}
