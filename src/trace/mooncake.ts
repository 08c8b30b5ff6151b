/**
 * Mooncake request traces: JSON lines `{timestamp, input_length, output_length, hash_ids, session_id?, delay?}`,
 * times in milliseconds. A request is a workflow of one stage.
 *
 * Assumed where the format is silent: requests of one `session_id` are the turns of one conversation, in the order of
 * their timestamps. A turn is sent `delay` after the answer before it, or, if there is no delay, after the gap between
 * the two timestamps; the gap holds the service time of its own day, so this spaces turns a little too far.
 */

import type { ModelId } from "../model/model.ts";
import type { OutputTokens, Segment, Stage, Workflow } from "../model/workflow.ts";
import { segmentBlocks } from "./blocks.ts";
import { InputError } from "./input-error.ts";
import { maxListEntries, maxTokens, maxUs, maxWorkflows } from "./limits.ts";
import { parseLines } from "./parse-text.ts";
import type { Place } from "./place.ts";
import { outputsOf } from "./recorded-output.ts";
import { array, integer, number, openObject, optional, parseAs, type Parsed, text, withDefault } from "./shape.ts";

export type MooncakeOptions = {
  readonly model: ModelId;
  /** Tokens of a block; 512 unless said. */
  readonly blockTokens?: number;
};

export const defaultBlockTokens = 512;

/** Milliseconds in the trace. */
export const milliseconds = number({ min: 0, max: maxUs / 1000 });

export const requestFields = {
  timestamp: optional(milliseconds),
  delay: optional(milliseconds),
  input_length: integer({ max: maxTokens }),
  output_length: integer({ max: maxTokens }),
  hash_ids: withDefault(array(integer(), { max: maxListEntries }), []),
  session_id: optional(text({ max: 200 })),
};
const requestShape = openObject(requestFields);

type Request = Parsed<typeof requestShape> & { readonly place: Place; readonly number: number };
type Turn = Request & { readonly prompt: readonly Segment[]; readonly output: OutputTokens };

export function readMooncake(content: string, file: string, options: MooncakeOptions): readonly Workflow[] {
  const requests: Request[] = [];
  for (const { label, value } of parseLines(content, file)) {
    if (requests.length === maxWorkflows)
      throw new InputError(file, label, "another request", `at most ${maxWorkflows}`);
    const place = { file, label };
    requests.push({ ...parseAs(requestShape, value, file, label), place, number: requests.length });
  }
  const workflows = groupTurns(toTurns(requests, options)).map((turns) => toWorkflow(turns, options.model));
  return workflows.sort((left, right) => left.arrivalUs - right.arrivalUs);
}

export function millisecondsToUs(ms: number): number {
  return Math.round(ms * 1000);
}

function toTurns(requests: readonly Request[], options: MooncakeOptions): readonly Turn[] {
  const prompts = segmentBlocks(
    requests.map(({ hash_ids: hashIds, input_length: inputTokens, place }) => ({ hashIds, inputTokens, place })),
    options.blockTokens ?? defaultBlockTokens,
  );
  const outputs = outputsOf(requests.map((request) => request.output_length));
  return requests.map((request, index) => {
    const output = outputs[index] ?? { estimate: 0, actual: 0, limit: 0 };
    return { ...request, prompt: prompts[index] ?? [], output };
  });
}

/** The turns of each session by time, in the order of the sessions' first lines. */
function groupTurns(turns: readonly Turn[]): readonly (readonly [Turn, ...Turn[]])[] {
  const groups = new Map<string, [Turn, ...Turn[]]>();
  for (const turn of turns) {
    const key = turn.session_id === undefined ? `request ${turn.number}` : `session ${turn.session_id}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [turn]);
    else group.push(turn);
  }
  for (const group of groups.values()) group.sort((left, right) => (left.timestamp ?? 0) - (right.timestamp ?? 0));
  return [...groups.values()];
}

function toWorkflow(turns: readonly [Turn, ...Turn[]], model: ModelId): Workflow {
  const [first] = turns;
  const stages: Stage[] = [];
  for (const [index, { prompt, output, ...turn }] of turns.entries()) {
    const waitUs = index === 0 ? 0 : waitBefore(turn, turns[index - 1]);
    const before = stages.at(-1);
    if (waitUs > 0 && before !== undefined)
      stages.push({ kind: "tool", id: `wait-${index}`, ...below(before), estimateUs: waitUs, actualUs: waitUs });
    stages.push({ kind: "llm", id: `turn-${index}`, ...below(stages.at(-1)), model, prompt, output, items: 1 });
  }
  return {
    id: first.session_id === undefined ? `request-${first.number}` : `session-${first.session_id}`,
    arrivalUs: millisecondsToUs(first.timestamp ?? 0),
    reveal: turns.length === 1 ? "static" : "online",
    stages,
  };
}

function waitBefore(turn: Omit<Turn, "prompt" | "output">, previous: Turn | undefined): number {
  return millisecondsToUs(turn.delay ?? Math.max(0, (turn.timestamp ?? 0) - (previous?.timestamp ?? 0)));
}

function below(parent: Stage | undefined): Pick<Stage, "parents" | "priority"> {
  return { parents: parent === undefined ? [] : [{ stage: parent.id, bytes: 0 }], priority: 0 };
}
