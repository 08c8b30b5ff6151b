/** Prompts out of drawn lengths: what each repeats of others, in which order, and how much it holds. */

import type { Segment, StageId } from "../../model/workflow.ts";
import type { TaskGraph } from "../task-graph.ts";
import type { DrawnModelTask, DrawnTask } from "./lengths.ts";

export type ComposedPrompt = {
  readonly segments: readonly Segment[];
  /** Outputs counted at the larger of estimate and actual. */
  readonly tokens: number;
};

/**
 * Longest prompt, counting outputs at the larger of estimate and actual. With the cap on outputs it fits the 8 GB of KV
 * that `hetero-8` sets aside for the largest model. Texts of parents beyond it are left out, as a program would cut them.
 */
const maxPromptTokens = 20_000;
/** A parent's prompt is continued up to here, so that the child has room for text of its own. */
const maxContinuedTokens = 12_000;

type Composing = {
  readonly task: DrawnModelTask;
  /** All but the own text. */
  readonly head: readonly Segment[];
  readonly own: Segment & { readonly tokens: number };
  readonly tokens: number;
  /** A child goes on where this prompt ends, so its own text must have a name. */
  continued: boolean;
};

/** One prompt per task; none for a tool. Parents come before children. */
export function composePrompts(
  graph: TaskGraph,
  drawn: readonly DrawnTask[],
  ids: readonly StageId[],
  workflow: string,
): readonly (ComposedPrompt | undefined)[] {
  const composing: (Composing | undefined)[] = [];
  for (const [index, task] of drawn.entries()) {
    const parents = [...new Set(graph.tasks[index]?.parents.map((parent) => parent.task))];
    composing.push(task.kind === "tool" ? undefined : compose(task, parents, composing, ids, workflow));
  }
  return composing.map((prompt, index) => {
    if (prompt === undefined) return undefined;
    const own = prompt.continued ? nameOwn(prompt, workflow, ids[index]) : prompt.own;
    return { segments: [...prompt.head, own], tokens: prompt.tokens };
  });
}

function compose(
  task: DrawnModelTask,
  parents: readonly number[],
  composed: readonly (Composing | undefined)[],
  ids: readonly StageId[],
  workflow: string,
): Composing {
  const continued = task.continues ? parents.find((parent) => canContinue(task, composed[parent])) : undefined;
  const head: Segment[] = [];
  let tokens = 0;
  const before = continued === undefined ? undefined : composed[continued];
  if (before !== undefined && continued !== undefined) {
    before.continued = true;
    head.push(...before.head, nameOwn(before, workflow, ids[continued]), {
      kind: "output",
      stage: ids[continued] ?? "",
    });
    tokens += before.tokens + heldOutput(before.task);
  } else {
    head.push({ kind: "text", key: `system:${task.category}`, tokens: task.systemTokens });
    if (task.contextTokens > 0) head.push({ kind: "text", key: `context:${workflow}`, tokens: task.contextTokens });
    tokens += task.systemTokens + task.contextTokens;
  }
  const ownTokens = ownTokensOf(task, tokens);
  tokens += ownTokens;
  const said = new Set(head.flatMap((segment) => (segment.kind === "output" ? [segment.stage] : [])));
  for (const parent of parents) {
    const writer = composed[parent]?.task;
    const stage = ids[parent] ?? "";
    if (writer === undefined || writer.kind === "embed" || said.has(stage)) continue;
    if (tokens + heldOutput(writer) > maxPromptTokens) break;
    head.push({ kind: "output", stage });
    tokens += heldOutput(writer);
  }
  return { task, head, own: { kind: "own", tokens: ownTokens }, tokens, continued: false };
}

/** One conversation goes on: of the same model, of one item, and not too long yet. */
function canContinue(task: DrawnModelTask, parent: Composing | undefined): parent is Composing {
  if (parent === undefined || parent.task.model !== task.model || parent.task.kind === "embed") return false;
  return parent.task.items === 1 && parent.tokens + heldOutput(parent.task) <= maxContinuedTokens;
}

/** Own text grows with the items, as far as there is room. */
function ownTokensOf(task: DrawnModelTask, taken: number): number {
  return Math.max(1, Math.min(task.ownTokens * task.items, maxPromptTokens - taken));
}

function heldOutput(task: DrawnModelTask): number {
  return Math.max(task.outputTokens, task.estimateTokens);
}

function nameOwn(prompt: Composing, workflow: string, id: StageId | undefined): Segment {
  return { kind: "text", key: `own:${workflow}/${id}`, tokens: prompt.own.tokens };
}
