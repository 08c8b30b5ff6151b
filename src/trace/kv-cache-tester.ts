/**
 * Coding-agent sessions of kv-cache-tester, one a line: requests with the hashes of their prompt's blocks.
 * `h` is `[blocks in common with the request before in the same list, then ids or [first, count] runs]`.
 *
 * What is read out of it:
 * - A prompt is the blocks as recorded, cut where prompts of the session end or part; tokens beyond the last block are its own.
 *   Outputs come back inside later prompts as recorded blocks, so no prompt refers to an output.
 * - Between two calls lies what the later one's time leaves after the earlier one's `api_time`.
 * - A sub-agent's marker carries the time of its end (the marker less `duration_ms` is where the call before it ended).
 *   So sub-agents between two calls all start when the first has ended, run side by side, and the second waits for all.
 */

import type { Segment, StageId, Workflow } from "../model/workflow.ts";
import { type BlockPrompt, createBlockTree } from "./block-tree.ts";
import { InputError } from "./input-error.ts";
import { maxTokens, maxWorkflows } from "./limits.ts";
import { parseLines } from "./parse-text.ts";
import { type Place, refuse, showShort, stepInto } from "./place.ts";
import {
  createNaming,
  createSession,
  maxCallsPerSession,
  maxSessionPromptTokens,
  pickSessionModel,
  type Session,
  type SessionDraft,
  type SessionOptions,
  toWorkflows,
} from "./session.ts";
import { array, integer, number, openObject, optional, parseAs, type Parsed, type Shape, text } from "./shape.ts";

const defaultBlockTokens = 64;
/** Sub-agents of sub-agents. */
const maxDepth = 4;

const anything: Shape<unknown> = { parse: (value) => value, schema: {}, expects: "anything" };
const seconds = number({ min: 0, max: 1e9 });

const sessionShape = openObject({
  id: optional(text({ max: 200 })),
  block_size: optional(integer({ min: 1, max: 65_536 })),
  requests: array(anything, { max: maxCallsPerSession }),
});
const kindShape = openObject({ type: text({ max: 40 }), t: seconds });
const requestShape = openObject({
  t: seconds,
  model: optional(text({ min: 0, max: 200 })),
  in: integer({ max: maxSessionPromptTokens }),
  out: integer({ max: maxTokens }),
  api_time: optional(seconds),
  h: array(anything, { max: 200_000 }),
});
const agentShape = openObject({ requests: array(anything, { max: maxCallsPerSession }) });

type Request = Parsed<typeof requestShape>;
type Entry = CallEntry | { readonly kind: "agent"; readonly entries: readonly Entry[] };
type CallEntry = { readonly kind: "call"; readonly request: Request; readonly blocks: readonly number[] };

export function readKvCacheTester(content: string, file: string, options: SessionOptions): Workflow[] {
  const drafts: SessionDraft[] = [];
  const nameOf = createNaming();
  for (const { label, value } of parseLines(content, file)) {
    if (drafts.length >= (options.limit ?? maxWorkflows)) break;
    const {
      id = `session-${drafts.length}`,
      block_size: blockTokens = defaultBlockTokens,
      requests,
    } = parseAs(sessionShape, value, file, label);
    const entries = parseEntries(requests, { file, label }, blockTokens, 0);
    const draft = toSession(nameOf(id), entries, blockTokens, options);
    if (draft.stages.length > 0) drafts.push(draft);
  }
  if (drafts.length === 0) throw new InputError(file, "", "no session with a request", "at least one");
  return toWorkflows(drafts, options);
}

function parseEntries(values: readonly unknown[], place: Place, blockTokens: number, depth: number): readonly Entry[] {
  const list = stepInto(place, "requests");
  let before: readonly number[] = [];
  return values.map((value, index): Entry => {
    const here = stepInto(list, index);
    if (kindShape.parse(value, here).type === "subagent") {
      if (depth === maxDepth) refuse(here, "a sub-agent", `at most ${maxDepth} levels of them`);
      const { requests } = agentShape.parse(value, here);
      return { kind: "agent", entries: parseEntries(requests, here, blockTokens, depth + 1) };
    }
    const request = requestShape.parse(value, here);
    const blocks = unfold(request, before, blockTokens, stepInto(here, "h"));
    before = blocks;
    return { kind: "call", request, blocks };
  });
}

/** The ids of a prompt's blocks, as many as its tokens fill. */
function unfold(request: Request, before: readonly number[], blockTokens: number, place: Place): readonly number[] {
  const [common, ...runs] = request.h;
  if (!isCount(common) || common > before.length)
    return refuse(place, showShort(common), `first the blocks in common, at most ${before.length}`);
  const most = Math.floor(request.in / blockTokens);
  const blocks = before.slice(0, Math.min(common, most));
  for (const [index, run] of runs.entries()) {
    const [first, count] = Array.isArray(run) ? (run as readonly unknown[]) : [run, 1];
    if (!isCount(first) || !isCount(count))
      return refuse(stepInto(place, index + 1), showShort(run), "an id, or [first id, count]");
    for (let offset = 0; offset < count && blocks.length < most; offset++) blocks.push(first + offset);
  }
  return blocks;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

type Planned = { readonly entry: CallEntry; readonly prompt: BlockPrompt };

function toSession(id: string, entries: readonly Entry[], blockTokens: number, options: SessionOptions): SessionDraft {
  const tree = createBlockTree(id, blockTokens);
  const planned = new Map<Entry, Planned>();
  const kept = cut(entries, options);
  const plan = (list: readonly Entry[]): void => {
    for (const entry of list) {
      if (entry.kind === "agent") plan(entry.entries);
      else planned.set(entry, { entry, prompt: tree.add(entry.blocks) });
    }
  };
  plan(kept);
  const session = createSession(id, "kv-cache-tester", options);
  const promptOf = (entry: CallEntry): readonly Segment[] => {
    const known = planned.get(entry);
    const segments = known === undefined ? [] : tree.segments(known.prompt);
    const own = Math.max(entry.request.in, 1) - entry.blocks.length * blockTokens;
    return own > 0 ? [...segments, { kind: "own", tokens: own }] : segments;
  };
  writeCalls(session, kept, [], "", promptOf, options);
  return session.finish();
}

/** A list ends before the first call beyond what is asked for. */
function cut(entries: readonly Entry[], options: SessionOptions): readonly Entry[] {
  const { maxCalls = Infinity, maxPromptTokens = Infinity } = options;
  const kept: Entry[] = [];
  let calls = 0;
  for (const entry of entries) {
    if (entry.kind === "call" && (calls++ >= maxCalls || entry.request.in > maxPromptTokens)) break;
    kept.push(entry.kind === "call" ? entry : { kind: "agent", entries: cut(entry.entries, options) });
  }
  return kept;
}

/** Writes a list of calls below the given stages; returns what a call after the list must wait for. */
function writeCalls(
  session: Session,
  entries: readonly Entry[],
  parents: readonly StageId[],
  prefix: string,
  promptOf: (entry: CallEntry) => readonly Segment[],
  options: SessionOptions,
): readonly StageId[] {
  let last: { readonly id: StageId; readonly endSeconds: number } | undefined;
  let agents: (readonly StageId[])[] = [];
  let calls = 0;
  let agentCount = 0;
  const awaited = (atSeconds: number): readonly StageId[] => {
    if (agents.length > 0) return agents.flat();
    return last === undefined
      ? parents
      : [session.pause(`${prefix}pause-${calls}`, last.id, atSeconds - last.endSeconds)];
  };
  for (const entry of entries) {
    if (entry.kind === "agent") {
      const above = last === undefined ? parents : [last.id];
      const ends = writeCalls(session, entry.entries, above, `${prefix}agent-${agentCount++}.`, promptOf, options);
      // One without calls leaves nothing to wait for.
      if (ends.length > 0 && ends !== above) agents.push(ends);
      continue;
    }
    const { t, out, api_time: serviceSeconds = 0, model } = entry.request;
    const id = session.call({
      id: `${prefix}call-${calls}`,
      model: pickSessionModel(model, options),
      parents: awaited(t),
      prompt: promptOf(entry),
      outputTokens: out,
    });
    last = { id, endSeconds: t + serviceSeconds };
    agents = [];
    calls++;
  }
  if (agents.length > 0) return agents.flat();
  return last === undefined ? parents : [last.id];
}
