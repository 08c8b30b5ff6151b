/**
 * Our own workload file, as one JSON or YAML document or as JSON lines: a header, then one workflow a line.
 * Times are whole microseconds. What may be left out, and what it then is, stands in `workload-shape.ts`.
 */

import { knownModels } from "../catalogue/models.ts";
import type { Model, ModelId } from "../model/model.ts";
import type { OutputTokens, Stage, Workflow, Workload } from "../model/workflow.ts";
import { InputError } from "./input-error.ts";
import { maxWorkflows } from "./limits.ts";
import { parseJson, parseJsonOrYaml, parseLines } from "./parse-text.ts";
import { type Place, stepInto } from "./place.ts";
import { defaultLimit } from "./recorded-output.ts";
import { parseAs, type Parsed } from "./shape.ts";
import { validateIds, validateModels, validateWorkflow } from "./validate-workload.ts";
import { withLines } from "./with-lines.ts";
import { headerShape, type StageEntry, type WorkflowEntry, workflowShape, workloadShape } from "./workload-shape.ts";

export type WorkloadAndModels = {
  readonly workload: Workload;
  /** Those described in the file, then those of the catalogue that stages name. */
  readonly models: readonly Model[];
};

/** The workflows by arrival, equal arrivals in the order of the file. */
export function parseWorkloadFile(text: string, file: string): WorkloadAndModels {
  return withLines(text, file, () => parseWhole(text, file));
}

function parseWhole(text: string, file: string): WorkloadAndModels {
  const { id, models, entries } = isInLines(text, file) ? readLines(text, file) : readDocument(text, file);
  validateModels(models, stepInto({ file, label: "" }, "models"));
  validateIds(entries.map(({ entry, place }) => [entry.id, stepInto(place, "id")] as const));
  const known = modelsById(models);
  const workflows = entries.map(({ entry, place }) => validateWorkflow(toWorkflow(entry), known, place));
  workflows.sort((left, right) => left.arrivalUs - right.arrivalUs);
  return { workload: { id, workflows }, models: [...models, ...namedModels(workflows, models)] };
}

/** As JSON lines, with nothing left out; reads back to the same value. */
export function writeWorkload(workload: Workload, models: readonly Model[]): string {
  const { id, workflows } = workload;
  // A header alone would not be known for one.
  if (workflows.length === 0) return `${JSON.stringify({ version: 1, id, models, workflows })}\n`;
  return [writeHeader(id, models), ...workflows.map(writeLine)].join("");
}

/** The first line; `writeLine` makes those behind it. */
export function writeHeader(id: string, models: readonly Model[]): string {
  return `${JSON.stringify({ version: 1, id, models })}\n`;
}

export function writeLine(workflow: Workflow): string {
  return `${JSON.stringify(workflow)}\n`;
}

/** Models of the catalogue by id, with the given ones in place of or beside them. */
export function modelsById(given: readonly Model[]): ReadonlyMap<ModelId, Model> {
  return new Map([...knownModels, ...given].map((model) => [model.id, model]));
}

/** Models of the catalogue that stages name and nobody has given, in the order of their first mention. */
export function namedModels(workflows: readonly Workflow[], given: readonly Model[]): readonly Model[] {
  const named = new Set<ModelId>();
  for (const workflow of workflows)
    for (const stage of workflow.stages) if (stage.kind !== "tool") named.add(stage.model);
  for (const model of given) named.delete(model.id);
  return [...named].flatMap((id) => knownModels.find((model) => model.id === id) ?? []);
}

type Entries = {
  readonly id: string;
  readonly models: readonly Model[];
  readonly entries: readonly { readonly entry: WorkflowEntry; readonly place: Place }[];
};

/** Whether the first line is a header by itself. */
function isInLines(text: string, file: string): boolean {
  const start = text.trimStart();
  const end = start.indexOf("\n");
  const more = end !== -1 && start.slice(end).trim() !== "";
  if (!start.startsWith("{") || !(more || /\.(ndjson|jsonl)(\.gz)?$/i.test(file))) return false;
  try {
    const first: unknown = parseJson(end === -1 ? start : start.slice(0, end), file);
    return typeof first === "object" && first !== null && !Object.hasOwn(first, "workflows");
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

function readDocument(text: string, file: string): Entries {
  const { id, models, workflows } = parseAs(workloadShape, parseJsonOrYaml(text, file), file);
  const top = stepInto({ file, label: "" }, "workflows");
  return { id, models, entries: workflows.map((entry, index) => ({ entry, place: stepInto(top, index) })) };
}

function readLines(text: string, file: string): Entries {
  let header: Parsed<typeof headerShape> | undefined;
  const entries: { entry: WorkflowEntry; place: Place }[] = [];
  for (const { label, value } of parseLines(text, file)) {
    if (header === undefined) {
      header = parseAs(headerShape, value, file, label);
    } else {
      if (entries.length === maxWorkflows)
        throw new InputError(file, label, "another workflow", `at most ${maxWorkflows} workflows`);
      entries.push({ entry: parseAs(workflowShape, value, file, label), place: { file, label } });
    }
  }
  if (header === undefined) throw new InputError(file, "", "nothing", "a header line");
  return { id: header.id, models: header.models, entries };
}

function toWorkflow(entry: WorkflowEntry): Workflow {
  return { ...entry, stages: entry.stages.map(toStage) };
}

function toStage(entry: StageEntry): Stage {
  if (entry.kind === "tool") return { ...entry, estimateUs: entry.estimateUs ?? entry.actualUs };
  if (entry.kind === "embed" && entry.output === undefined)
    return { ...entry, output: { estimate: 0, actual: 0, limit: 0 } };
  const { actual = 0, estimate = actual, limit } = entry.output ?? {};
  const output: OutputTokens = {
    estimate,
    actual,
    limit: limit ?? (entry.kind === "embed" ? 0 : defaultLimit(Math.max(actual, estimate))),
  };
  return { ...entry, output };
}
