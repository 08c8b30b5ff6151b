/** Runs as the store has them, and back: the definition as it was submitted, and a record for each stage that is over. */

import { InputError } from "../../trace/input-error.ts";
import type { RunRow, StageRow, StoredRun } from "../../store/store.ts";
import type { ModelConfig } from "../config/config.ts";
import { isOver, newRecord, type DeclaredRun, type StageRecord } from "./declared-run.ts";
import type { DeclaredWorkflow } from "./declared.ts";
import { toDeclared } from "./parse-declared.ts";
import type { WireError } from "./wire.ts";

export function toRow(
  { id, tenant, holding, createdMs, status, idempotency }: DeclaredRun,
  definition: string,
): RunRow {
  const { owner, generation } = holding;
  return { id, tenant, owner, generation, createdMs, status, definition, ...idempotency };
}

export function toStageRow(record: StageRecord): StageRow {
  return { stage: record.id, record: JSON.stringify(record) };
}

/** `fault` says why it cannot be carried out any more; what its stages came to is there all the same. */
export type ReadRun = { readonly run: DeclaredRun; readonly fault?: WireError };

/** Who loses its carriers so often most likely brings them down. */
const mostGenerations = 1000;

/** Sizes, and which models and tools there are, may be others by now: that shows when a stage calls for them. */
export function fromStored(stored: StoredRun, idOf: (model: string) => string): ReadRun {
  const saved = new Map<string, StageRecord>();
  const faults: string[] = [];
  for (const { stage, record } of stored.stages) {
    const read = parseJson(record) as StageRecord | undefined;
    if (read === undefined) faults.push(`the result of stage ${stage} is not JSON`);
    else saved.set(stage, read);
  }
  const parsed = parseStored(stored.definition, idOf);
  if ("unreadable" in parsed) faults.push(parsed.unreadable);
  const workflow = "unreadable" in parsed ? { inputs: {}, stages: [], outputs: [...saved.keys()] } : parsed;
  const stages = new Map(
    workflow.stages.map((stage) => [stage.id, saved.get(stage.id) ?? newRecord(stage.id, stage.kind)] as const),
  );
  for (const [id, record] of saved) stages.set(id, record);
  const run = toRun(stored, workflow, stages);
  const [unreadable] = faults;
  if (unreadable !== undefined)
    return { run, fault: { code: "unreadable", message: `what is stored of it cannot be read: ${unreadable}` } };
  if (stored.generation <= mostGenerations) return { run };
  return { run, fault: { code: "carried_too_often", message: `it was taken up ${mostGenerations} times` } };
}

function toRun(stored: StoredRun, workflow: DeclaredWorkflow, stages: Map<string, StageRecord>): DeclaredRun {
  const { id, tenant, owner, generation, createdMs, status, endedMs, error, key, bodyHash } = stored;
  if (status !== "running")
    for (const record of stages.values())
      if (!isOver(record.status))
        stages.set(record.id, { ...record, status: "cancelled", ...(endedMs === undefined ? {} : { endedMs }) });
  return {
    id,
    tenant,
    holding: { owner, generation },
    workflow,
    status,
    createdMs,
    ...(endedMs === undefined ? {} : { endedMs }),
    stages,
    ...(error === undefined ? {} : { error: (parseJson(error) ?? unknownError) as WireError }),
    ...(key === undefined || bodyHash === undefined ? {} : { idempotency: { key, bodyHash } }),
  };
}

const unknownError: WireError = { code: "unreadable", message: "why it ended cannot be read" };

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseStored(
  definition: string,
  idOf: (model: string) => string,
): DeclaredWorkflow | { readonly unreadable: string } {
  try {
    return withModelIds(toDeclared(JSON.parse(definition), "workflow"), idOf);
  } catch (error) {
    if (error instanceof InputError || error instanceof SyntaxError) return { unreadable: error.message };
    throw error;
  }
}

/** The model behind a name or an alias. */
export function idOfModel(models: readonly ModelConfig[]): (name: string) => string {
  return (name) => models.find(({ id, aliases }) => id === name || aliases.includes(name))?.id ?? name;
}

/** Aliases give way to the names of what they stand for. */
export function withModelIds(workflow: DeclaredWorkflow, idOf: (model: string) => string): DeclaredWorkflow {
  const stages = workflow.stages.map((stage) =>
    stage.kind === "tool" ? stage : { ...stage, model: idOf(stage.model) },
  );
  return { ...workflow, stages };
}
