/**
 * Multi-agent sessions of lmcache-agent-trace, one a line:
 * `{session, calls: [{t s, in, out, prefixFrom: earlier call or -1, prefixTok}]}`.
 *
 * The calls of a session come one after another. A call's prompt begins with the first `prefixTok` tokens of what the
 * call `prefixFrom` read and wrote; texts are cut at just these points. Of an output either all is taken over or none:
 * where only part of it is repeated (a few tokens of chat template, as a rule), that part counts as new text.
 */

import type { Segment, StageId, Workflow } from "../model/workflow.ts";
import { InputError } from "./input-error.ts";
import { maxTokens, maxWorkflows } from "./limits.ts";
import { parseLines } from "./parse-text.ts";
import { type Place, refuse, stepInto } from "./place.ts";
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
import { array, integer, number, openObject, parseAs, type Parsed, text } from "./shape.ts";

const callShape = openObject({
  t: number({ min: 0, max: 1e9 }),
  in: integer({ max: maxSessionPromptTokens }),
  out: integer({ max: maxTokens }),
  prefixFrom: integer({ min: -1, max: maxCallsPerSession }),
  prefixTok: integer({ max: maxTokens }),
});
const sessionShape = openObject({
  session: text({ max: 200 }),
  calls: array(callShape, { max: maxCallsPerSession }),
});

type Call = Parsed<typeof callShape>;

export function readLmcache(content: string, file: string, options: SessionOptions): Workflow[] {
  const drafts: SessionDraft[] = [];
  const nameOf = createNaming();
  for (const { label, value } of parseLines(content, file)) {
    if (drafts.length >= (options.limit ?? maxWorkflows)) break;
    const { session, calls } = parseAs(sessionShape, value, file, label);
    checkReferences(calls, stepInto({ file, label }, "calls"));
    const kept = cut(calls, options);
    if (kept.length > 0) drafts.push(toSession(nameOf(session), kept, options));
  }
  if (drafts.length === 0) throw new InputError(file, "", "no session with a call", "at least one");
  return toWorkflows(drafts, options);
}

function checkReferences(calls: readonly Call[], place: Place): void {
  for (const [index, call] of calls.entries())
    if (call.prefixFrom >= index)
      refuse(
        stepInto(stepInto(place, index), "prefixFrom"),
        `${call.prefixFrom}`,
        `an earlier call than ${index}, or -1`,
      );
}

function cut(
  calls: readonly Call[],
  { maxCalls = Infinity, maxPromptTokens = Infinity }: SessionOptions,
): readonly Call[] {
  const end = calls.findIndex((call, index) => index >= maxCalls || call.in > maxPromptTokens);
  return end === -1 ? calls : calls.slice(0, end);
}

function toSession(id: string, calls: readonly Call[], options: SessionOptions): SessionDraft {
  const session = createSession(id, "lmcache", options);
  const model = pickSessionModel(undefined, options);
  const prompts = cutPrompts(id, calls);
  let last: StageId | undefined;
  for (const [index, call] of calls.entries()) {
    const before = calls[index - 1];
    const pauseSeconds = before === undefined ? 0 : pauseAfter(call.t - before.t, before.out);
    last = session.call({
      id: nameOfCall(index),
      model,
      parents: last === undefined ? [] : [session.pause(`pause-${index}`, last, pauseSeconds)],
      prompt: prompts[index] ?? [],
      outputTokens: call.out,
    });
  }
  return session.finish();
}

function nameOfCall(index: number): StageId {
  return `call-${index}`;
}

/** Text that call `by` brought, from one position to another, or what it wrote. */
type Span =
  | { readonly kind: "text"; readonly by: number; readonly from: number; readonly to: number }
  | { readonly kind: "output"; readonly by: number };

/** Prompts as spans first, so that all cuts in a text are known before it is made into segments. */
function cutPrompts(id: string, calls: readonly Call[]): readonly (readonly Segment[])[] {
  const spans: (readonly Span[])[] = [];
  const cuts = calls.map(() => new Set<number>());
  for (const [index, call] of calls.entries()) {
    const taken = takeOver(spans, calls, call);
    const end = taken.at(-1);
    if (end?.kind === "text") cuts[end.by]?.add(end.to);
    const fresh = Math.max(1, call.in) - lengthOf(taken, calls);
    spans.push(fresh > 0 ? [...taken, { kind: "text", by: index, from: 0, to: fresh }] : taken);
  }
  const sorted = cuts.map((positions) => [...positions].sort((left, right) => left - right));
  return spans.map((list) => list.flatMap((span) => toSegments(id, span, sorted)));
}

/** The first `prefixTok` tokens of the earlier call's prompt, and its output if all of that is repeated too. */
function takeOver(spans: readonly (readonly Span[])[], calls: readonly Call[], call: Call): readonly Span[] {
  const source = calls[call.prefixFrom];
  if (source === undefined) return [];
  const most = Math.min(call.prefixTok, Math.max(1, call.in));
  const taken: Span[] = [];
  let left = most;
  for (const span of spans[call.prefixFrom] ?? []) {
    const length = lengthOf([span], calls);
    if (length > left && span.kind === "output") return taken;
    if (length > left && span.kind === "text") {
      if (left > 0) taken.push({ ...span, to: span.from + left });
      return taken;
    }
    taken.push(span);
    left -= length;
  }
  if (left >= Math.max(1, source.out)) taken.push({ kind: "output", by: call.prefixFrom });
  return taken;
}

function lengthOf(spans: readonly Span[], calls: readonly Call[]): number {
  let tokens = 0;
  for (const span of spans)
    tokens += span.kind === "output" ? Math.max(1, calls[span.by]?.out ?? 0) : span.to - span.from;
  return tokens;
}

function toSegments(id: string, span: Span, cuts: readonly (readonly number[])[]): readonly Segment[] {
  if (span.kind === "output") return [{ kind: "output", stage: nameOfCall(span.by) }];
  const inside = (cuts[span.by] ?? []).filter((at) => at > span.from && at < span.to);
  const edges = [span.from, ...inside, span.to];
  return edges.slice(1).map((to, index) => {
    const from = edges[index] ?? 0;
    return { kind: "text", key: `${id}:${span.by}:${from}-${to}`, tokens: to - from };
  });
}
