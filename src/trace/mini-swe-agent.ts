/**
 * Runs of mini-swe-agent, one a line: `{id, steps: [[epoch s, prompt, completion, cached, reasoning tokens, characters]]}`.
 *
 * The agent keeps one conversation, so the prompt of a call is the prompt before it, what that call wrote, and what its
 * command printed. A call may write more than comes back (reasoning is dropped): then the later prompt goes on from the
 * earlier prompt alone. Where a prompt is shorter than the one before, it keeps as many of its parts as fit.
 */

import type { Segment, StageId, Workflow } from "../model/workflow.ts";
import { InputError } from "./input-error.ts";
import { maxWorkflows } from "./limits.ts";
import { parseLines } from "./parse-text.ts";
import {
  createNaming,
  createSession,
  maxCallsPerSession,
  maxSessionPromptTokens,
  pauseAfter,
  pickSessionModel,
  type SessionDraft,
  type SessionOptions,
  toWorkflows,
} from "./session.ts";
import { array, number, openObject, parseAs, text } from "./shape.ts";

const runShape = openObject({
  id: text({ max: 200 }),
  steps: array(array(number({ min: 0, max: 1e12 }), { min: 3, max: 16 }), { max: maxCallsPerSession }),
});

type Step = { readonly atSeconds: number; readonly promptTokens: number; readonly outputTokens: number };

export function readMiniSweAgent(content: string, file: string, options: SessionOptions): Workflow[] {
  const drafts: SessionDraft[] = [];
  const nameOf = createNaming();
  for (const { label, value } of parseLines(content, file)) {
    if (drafts.length >= (options.limit ?? maxWorkflows)) break;
    const { id, steps } = parseAs(runShape, value, file, label);
    const kept = cut(steps.map(toStep), options);
    if (kept.length > 0) drafts.push(toSession(nameOf(id), kept, options));
  }
  if (drafts.length === 0) throw new InputError(file, "", "no run with a step", "at least one");
  return toWorkflows(drafts, options);
}

function toStep([atSeconds = 0, promptTokens = 0, outputTokens = 0]: readonly number[]): Step {
  return { atSeconds, promptTokens: bounded(promptTokens), outputTokens: bounded(outputTokens) };
}

function bounded(tokens: number): number {
  return Math.max(1, Math.min(maxSessionPromptTokens, Math.round(tokens)));
}

function cut(
  steps: readonly Step[],
  { maxCalls = Infinity, maxPromptTokens = Infinity }: SessionOptions,
): readonly Step[] {
  const end = steps.findIndex((step, index) => index >= maxCalls || step.promptTokens > maxPromptTokens);
  return end === -1 ? steps : steps.slice(0, end);
}

/** A part of a prompt and its length in the trace. */
type Part = { readonly segment: Segment; readonly tokens: number };

function toSession(id: string, steps: readonly Step[], options: SessionOptions): SessionDraft {
  const session = createSession(id, "mini-swe-agent", options);
  const model = pickSessionModel(undefined, options);
  let parts: readonly Part[] = [];
  let last: StageId | undefined;
  for (const [index, step] of steps.entries()) {
    const before = steps[index - 1];
    const kept = keep(parts, before, last, step.promptTokens);
    const fresh = step.promptTokens - kept.reduce((sum, part) => sum + part.tokens, 0);
    const added: Part = { segment: { kind: "text", key: `${id}:${index}`, tokens: fresh }, tokens: fresh };
    parts = fresh > 0 ? [...kept, added] : kept;
    const pauseSeconds = before === undefined ? 0 : pauseAfter(step.atSeconds - before.atSeconds, before.outputTokens);
    last = session.call({
      id: `call-${index}`,
      model,
      parents: last === undefined ? [] : [session.pause(`run-${index}`, last, pauseSeconds)],
      prompt: parts.map((part) => part.segment),
      outputTokens: step.outputTokens,
    });
  }
  return session.finish();
}

/** What a prompt of `tokens` tokens repeats of the call before. */
function keep(
  parts: readonly Part[],
  before: Step | undefined,
  stage: StageId | undefined,
  tokens: number,
): readonly Part[] {
  if (before === undefined || stage === undefined) return [];
  if (tokens >= before.promptTokens + before.outputTokens)
    return [...parts, { segment: { kind: "output", stage }, tokens: before.outputTokens }];
  const kept: Part[] = [];
  let left = tokens;
  for (const part of parts) {
    left -= part.tokens;
    if (left < 0) break;
    kept.push(part);
  }
  return kept;
}
