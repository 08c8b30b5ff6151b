/**
 * The agentic Mooncake trace: a Mooncake line with `request_id`, `wait_for`, `delay`, `tool_wait_ms` and more.
 * What the format's authors say: a request without `wait_for` starts at its `timestamp`; one with it becomes eligible
 * when all those requests have ended, and is sent `delay + tool_wait_ms` later.
 *
 * Assumed beyond that:
 * - Requests that wait for one another or share a `session_id` form one workflow, revealed online, which arrives with
 *   its first root. A wait is a tool stage before the request, also where a root starts later than the workflow.
 * - `hash_ids` name the whole prompt. `branches` and `prefix_reset` repeat what `wait_for` and `hash_ids` say, and
 *   `tool_events` detail `tool_wait_ms`: all three are read over.
 * - A request without input and output is no call of a model: it is a tool stage of its own (`write-agentic-mooncake.ts`).
 */

import type { ModelId } from "../model/model.ts";
import type { OutputTokens, ParentEdge, Segment, Stage, Workflow } from "../model/workflow.ts";
import { segmentBlocks } from "./blocks.ts";
import { InputError } from "./input-error.ts";
import { maxListEntries, maxWorkflows } from "./limits.ts";
import { defaultBlockTokens, milliseconds, millisecondsToUs, type MooncakeOptions, requestFields } from "./mooncake.ts";
import { parseLines } from "./parse-text.ts";
import { type Place, refuse, stepInto } from "./place.ts";
import { outputsOf } from "./recorded-output.ts";
import { array, openObject, optional, parseAs, type Parsed, text, withDefault } from "./shape.ts";
import { validateIds } from "./validate-workload.ts";

const rowShape = openObject({
  ...requestFields,
  request_id: text({ max: 300 }),
  wait_for: withDefault(array(text({ max: 300 }), { max: maxListEntries }), []),
  tool_wait_ms: optional(milliseconds),
});

type Row = Parsed<typeof rowShape> & { readonly place: Place };
type Call = { readonly row: Row; readonly prompt: readonly Segment[]; readonly output: OutputTokens };

export function readAgenticMooncake(content: string, file: string, options: MooncakeOptions): readonly Workflow[] {
  const rows: Row[] = [];
  for (const { label, value } of parseLines(content, file)) {
    if (rows.length === maxWorkflows) throw new InputError(file, label, "another request", `at most ${maxWorkflows}`);
    rows.push({ ...parseAs(rowShape, value, file, label), place: { file, label } });
  }
  validateIds(rows.map((row) => [row.request_id, stepInto(row.place, "request_id")] as const));
  const workflows = groupRows(rows).map((members) => toWorkflow(members, options.model));
  return workflows.sort((left, right) => left.arrivalUs - right.arrivalUs);

  /** Calls of one workflow each, in the order of the file. */
  function groupRows(all: readonly Row[]): readonly (readonly [Call, ...Call[]])[] {
    const calls = toCalls(all, options.blockTokens ?? defaultBlockTokens);
    const groupOf = unite(all);
    const groups = new Map<number, [Call, ...Call[]]>();
    for (const [index, call] of calls.entries()) {
      const group = groups.get(groupOf(index));
      if (group === undefined) groups.set(groupOf(index), [call]);
      else group.push(call);
    }
    return [...groups.values()];
  }
}

function toCalls(rows: readonly Row[], blockTokens: number): readonly Call[] {
  const prompts = segmentBlocks(
    rows.map(({ hash_ids: hashIds, input_length: inputTokens, place }) => ({ hashIds, inputTokens, place })),
    blockTokens,
  );
  const outputs = outputsOf(rows.map((row) => row.output_length));
  return rows.map((row, index) => {
    const output = outputs[index] ?? { estimate: 0, actual: 0, limit: 0 };
    return { row, prompt: prompts[index] ?? [], output };
  });
}

/** Which rows belong together, by union and find: the smallest position stands for its group. */
function unite(rows: readonly Row[]): (index: number) => number {
  const leader = rows.map((_, index) => index);
  const find = (index: number): number => {
    let at = index;
    for (let up = leader[at] ?? at; up !== at; up = leader[at] ?? at) {
      leader[at] = leader[up] ?? up;
      at = up;
    }
    return at;
  };
  const join = (left: number, right: number): void => {
    const [a, b] = [find(left), find(right)];
    leader[Math.max(a, b)] = Math.min(a, b);
  };
  const byRequest = new Map(rows.map((row, index) => [row.request_id, index]));
  const bySession = new Map<string, number>();
  for (const [index, row] of rows.entries()) {
    for (const [at, id] of row.wait_for.entries()) {
      const other = byRequest.get(id);
      if (other === undefined)
        return refuse(stepInto(stepInto(row.place, "wait_for"), at), JSON.stringify(id), "a request_id of this file");
      join(index, other);
    }
    if (row.session_id === undefined) continue;
    const other = bySession.get(row.session_id);
    if (other === undefined) bySession.set(row.session_id, index);
    else join(index, other);
  }
  return find;
}

/** `members` in the order of the file; the caller orders stages by their parents. */
function toWorkflow(members: readonly [Call, ...Call[]], model: ModelId): Workflow {
  const id = members[0].row.session_id ?? members[0].row.request_id;
  const roots = members.filter(({ row }) => row.wait_for.length === 0);
  const arrivalMs = roots.reduce((least, { row }) => Math.min(least, row.timestamp ?? 0), Infinity);
  const arrivalUs = Number.isFinite(arrivalMs) ? millisecondsToUs(arrivalMs) : 0;
  const stages = members.flatMap((call) => toStages(call, { id, arrivalUs, model }));
  return { id, arrivalUs, reveal: "online", stages };
}

function toStages(
  { row, prompt, output }: Call,
  { id: workflow, arrivalUs, model }: { id: string; arrivalUs: number; model: ModelId },
): readonly Stage[] {
  const id = stageIdOf(row.request_id, workflow);
  const waited = [...new Set(row.wait_for)];
  const startUs = waited.length === 0 ? millisecondsToUs(row.timestamp ?? 0) - arrivalUs : 0;
  const waitUs = startUs + millisecondsToUs((row.delay ?? 0) + (row.tool_wait_ms ?? 0));
  const parents = waited.map((request): ParentEdge => ({ stage: stageIdOf(request, workflow), bytes: 0 }));
  const times = { priority: 0, estimateUs: waitUs, actualUs: waitUs };
  if (row.input_length === 0 && row.output_length === 0) return [{ kind: "tool", id, parents, ...times }];
  const call = { kind: "llm", id, priority: 0, model, prompt, output, items: 1 } as const;
  if (waitUs === 0) return [{ ...call, parents }];
  const wait = `${id}:wait`;
  return [
    { kind: "tool", id: wait, parents, ...times },
    { ...call, parents: [{ stage: wait, bytes: 0 }] },
  ];
}

/** A stage's id holds no slash; our own writer puts the workflow before one. */
function stageIdOf(request: string, workflow: string): string {
  const own = request.startsWith(`${workflow}/`) ? request.slice(workflow.length + 1) : request;
  return own.replaceAll("/", "|");
}
