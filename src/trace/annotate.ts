/**
 * Gives a graph of tasks the models, prompts and lengths of an LLM workflow.
 *
 * The result is a synthetic composition: the shape, the bytes and the order of runtimes are those of the graph, and
 * everything else is drawn by seed from the distributions in `annotate/lengths.ts`. LN(m, s) is a log-normal with median m.
 * - A category has one model, drawn by its share, and one system prompt, the same in all workflows of a seed.
 * - A prompt is system prompt, with p = .6 the workflow's context, the text of the parents, and own text; or, with p = .4
 *   where a parent has the same model, that parent's whole prompt and output instead of system prompt and context.
 * - Output lengths follow the runtimes (rank correlation about .6) where these are known; estimates are off by a
 *   log-normal factor, and the limit is one cap for all.
 * - A quarter of the stages work on 1 to 16 items, and own and output tokens grow with them.
 * - An embedding writes no text, so a child gets its bytes and nothing to read.
 */

import { strict as assert } from "node:assert";
import { secondsToUs } from "../model/units.ts";
import type { ModelStage, ParentEdge, Segment, Stage, StageId, ToolStage, Workflow } from "../model/workflow.ts";
import { composePrompts, type ComposedPrompt } from "./annotate/compose.ts";
import { drawTasks, type DrawnModelTask, type DrawnTask, limitTokens } from "./annotate/lengths.ts";
import { annotationModels, type ModelShare } from "./annotate/models.ts";
import type { TaskGraph } from "./task-graph.ts";
import { varyWorkflow, type Variations } from "./vary.ts";

export type AnnotateOptions = Variations & {
  readonly seed: number;
  /** Of the workflow; the graph's name unless said. Workflows of one run need ids of their own. */
  readonly id?: string;
  readonly arrivalUs?: number;
  readonly reveal?: "static" | "online";
  /** Which models categories are given, by share. */
  readonly models?: readonly ModelShare[];
  /** Standard deviation of the logarithm of estimate over actual; 0.4 unless said. */
  readonly error?: number;
};

/** What one edge moves at most. The largest files of scientific workflows are no load that a stage of models passes on. */
const maxEdgeBytes = 2e9;

/** Equal graph and options give an equal workflow. */
export function annotateGraph(graph: TaskGraph, options: AnnotateOptions): Workflow {
  assert(graph.tasks.length > 0, `graph ${graph.name} has no task`);
  const id = options.id ?? graph.name;
  const drawn = drawTasks(graph, {
    seed: options.seed,
    workflow: id,
    models: options.models ?? annotationModels,
    error: options.error ?? 0.4,
  });
  const ids = nameStages(graph);
  const prompts = composePrompts(graph, drawn, ids, id);
  const stages = drawn.map((task, index) => toStage(task, prompts[index], ids, graph, index));
  const { arrivalUs = 0, reveal = "static" } = options;
  return varyWorkflow({ id, arrivalUs, reveal, class: cleanName(graph.family), stages }, options.seed, options);
}

function toStage(
  task: DrawnTask,
  prompt: ComposedPrompt | undefined,
  ids: readonly StageId[],
  graph: TaskGraph,
  index: number,
): Stage {
  const base = { id: idAt(ids, index), parents: toParents(graph, ids, index), priority: 0 };
  return task.kind === "tool" ? toToolStage(base, task) : toModelStage(base, task, prompt?.segments ?? []);
}

type Base = Pick<Stage, "id" | "parents" | "priority">;

function toToolStage(base: Base, task: Extract<DrawnTask, { kind: "tool" }>): ToolStage {
  return { ...base, kind: "tool", estimateUs: secondsToUs(task.estimateSeconds), actualUs: secondsToUs(task.seconds) };
}

function toModelStage(base: Base, task: DrawnModelTask, prompt: readonly Segment[]): ModelStage {
  const { kind, model, items, outputTokens: actual, estimateTokens: estimate } = task;
  const limit = kind === "embed" ? 0 : limitTokens;
  return { ...base, kind, model, prompt, output: { estimate, actual, limit }, items };
}

function toParents(graph: TaskGraph, ids: readonly StageId[], index: number): readonly ParentEdge[] {
  const parents = graph.tasks[index]?.parents ?? [];
  return parents.map(({ task, bytes }) => ({
    stage: idAt(ids, task),
    bytes: Math.min(maxEdgeBytes, Math.round(bytes)),
  }));
}

function idAt(ids: readonly StageId[], index: number): StageId {
  const id = ids[index];
  assert(id !== undefined, `a graph of ${ids.length} tasks has no task ${index}`);
  return id;
}

/** The tasks' names as far as they can be ids of stages; a name that comes again gets its position. */
function nameStages(graph: TaskGraph): readonly StageId[] {
  const taken = new Set<StageId>();
  return graph.tasks.map((task, index) => {
    const name = cleanName(task.name);
    let id = taken.has(name) ? `${name}.${index}` : name;
    while (taken.has(id)) id += "'";
    taken.add(id);
    return id;
  });
}

/** What an id must not hold. A slash parts workflow and stage. */
const unfit = /[\p{Cc}/]/gu;

/** Without slashes and control characters. */
export function cleanName(name: string): string {
  const clean = name.slice(0, 200).replaceAll(unfit, "_").toWellFormed();
  return clean === "" ? "_" : clean;
}
