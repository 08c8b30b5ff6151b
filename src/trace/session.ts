/**
 * Recorded agent sessions as workflows that are revealed call by call.
 * A session is a chain of model calls with pauses between them: what a tool took, or a person. Pauses are tool stages.
 */

import type { ModelId } from "../model/model.ts";
import { secondsToUs } from "../model/units.ts";
import type { Segment, Stage, StageId, Workflow } from "../model/workflow.ts";
import { drawExponential, drawNormal } from "../random/distributions.ts";
import { createRng } from "../random/rng.ts";
import { cleanName } from "./annotate.ts";
import { defaultLimit } from "./recorded-output.ts";

export type SessionOptions = {
  readonly seed: number;
  /** For every call that `modelsByName` does not name. Unless said, the table of this file decides, and llama-3.1-70b takes the rest. */
  readonly model?: ModelId;
  /** Models by a part of the name in the trace. */
  readonly modelsByName?: { readonly [part: string]: ModelId };
  /** The first so many sessions. */
  readonly limit?: number;
  /** Poisson arrivals; all at time 0 if absent. */
  readonly ratePerSecond?: number;
  /** Standard deviation of the logarithm of estimate over actual, for outputs and pauses; 0.4 unless said. */
  readonly error?: number;
  /** Longer pauses are cut to this: the person went away. 60 unless said. */
  readonly longestPauseSeconds?: number;
  /** A chain of calls ends before the first that exceeds either. */
  readonly maxCalls?: number;
  readonly maxPromptTokens?: number;
  /** Every count of tokens times this, at least one each; 1 unless said. Makes long sessions fit small clusters. */
  readonly tokenScale?: number;
};

const defaultSessionModel: ModelId = "llama-3.1-70b";

/** Models of about the class that the name stands for; sizes of the originals are not public. */
const modelsByName: { readonly [part: string]: ModelId } = {
  opus: "llama-3.1-70b",
  sonnet: "qwen2.5-32b",
  haiku: "llama-3.1-8b",
};

/** Chains repeat all that came before, so a session costs memory with the square of its calls. */
export const maxCallsPerSession = 5000;
export const maxSessionPromptTokens = 10_000_000;

export function pickSessionModel(name: string | undefined, options: SessionOptions): ModelId {
  const lower = name?.toLowerCase() ?? "";
  const named = (table: SessionOptions["modelsByName"] = {}): ModelId | undefined =>
    Object.entries(table).find(([part]) => lower.includes(part.toLowerCase()))?.[1];
  return named(options.modelsByName) ?? options.model ?? named(modelsByName) ?? defaultSessionModel;
}

/** Where the trace has the time of a call's start alone: a service of its day of 100 tokens/s, after 0.3 s, is taken off the gap. */
export function pauseAfter(gapSeconds: number, outputTokens: number): number {
  return Math.max(0, gapSeconds - 0.3 - outputTokens / 100);
}

export type SessionCall = {
  readonly id: StageId;
  readonly model: ModelId;
  readonly parents: readonly StageId[];
  readonly prompt: readonly Segment[];
  readonly outputTokens: number;
};

export type Session = {
  /** A call writes at least one token. */
  readonly call: (call: SessionCall) => StageId;
  /** What the next call waits for: a tool stage, or the call itself if there is no pause. */
  readonly pause: (id: StageId, parent: StageId, seconds: number) => StageId;
  readonly finish: () => SessionDraft;
};

export type SessionDraft = {
  readonly id: string;
  readonly class: string;
  readonly stages: readonly Stage[];
};

export function createSession(id: string, kind: string, options: SessionOptions): Session {
  const { error = 0.4, longestPauseSeconds = 60, tokenScale = 1 } = options;
  const rng = createRng(options.seed, "session").stream(id);
  const outputErrors = rng.stream("output");
  const pauseErrors = rng.stream("pause");
  const stages: Stage[] = [];
  const scale = (tokens: number): number => Math.max(1, Math.round(tokens * tokenScale));
  const scaled = createScaling(scale);

  const call = ({ id: stage, model, parents, prompt, outputTokens }: SessionCall): StageId => {
    const actual = scale(outputTokens);
    const estimate = Math.max(1, Math.round(actual * Math.exp(error * drawNormal(outputErrors))));
    const output = { estimate, actual, limit: 0 };
    const base = { id: stage, parents: edges(parents), priority: 0 };
    stages.push({ ...base, kind: "llm", model, prompt: prompt.map(scaled), output, items: 1 });
    return stage;
  };
  const pause = (stage: StageId, parent: StageId, seconds: number): StageId => {
    const actualUs = secondsToUs(Math.min(longestPauseSeconds, seconds));
    if (actualUs <= 0) return parent;
    const estimateUs = Math.round(actualUs * Math.exp(error * drawNormal(pauseErrors)));
    stages.push({ id: stage, kind: "tool", parents: edges([parent]), priority: 0, estimateUs, actualUs });
    return stage;
  };
  return { call, pause, finish: () => ({ id, class: kind, stages }) };
}

/** Texts travel with the prompt. */
function edges(parents: readonly StageId[]): Stage["parents"] {
  return parents.map((stage) => ({ stage, bytes: 0 }));
}

/** Equal segments stay one object: long chains repeat them very often. */
function createScaling(scale: (tokens: number) => number): (segment: Segment) => Segment {
  const known = new Map<Segment, Segment>();
  return (segment) => {
    if (segment.kind === "output") return segment;
    const tokens = scale(segment.tokens);
    if (tokens === segment.tokens) return segment;
    const found = known.get(segment) ?? { ...segment, tokens };
    known.set(segment, found);
    return found;
  };
}

/** Sessions as workflows. The cap on outputs is one for all of a file, so that it betrays none of them. */
export function toWorkflows(drafts: readonly SessionDraft[], options: SessionOptions): Workflow[] {
  const arrivals = createRng(options.seed, "session-arrival");
  const limit = defaultLimit(longestOutput(drafts));
  let atUs = 0;
  return drafts.map((draft) => {
    const arrivalUs = Math.round(atUs);
    if (options.ratePerSecond !== undefined) atUs += drawExponential(arrivals, 1e6 / options.ratePerSecond);
    const stages = draft.stages.map((stage): Stage =>
      stage.kind === "tool" ? stage : { ...stage, output: { ...stage.output, limit } },
    );
    return { id: draft.id, arrivalUs, reveal: "online", class: draft.class, stages };
  });
}

function longestOutput(drafts: readonly SessionDraft[]): number {
  let longest = 0;
  for (const { stages } of drafts)
    for (const stage of stages)
      if (stage.kind !== "tool") longest = Math.max(longest, stage.output.actual, stage.output.estimate);
  return longest;
}

/** Names sessions: cleaned, and with a number behind a name that comes again. */
export function createNaming(): (name: string) => string {
  const taken = new Set<string>();
  return (name) => {
    const clean = cleanName(name);
    let id = clean;
    for (let count = 2; taken.has(id); count++) id = `${clean}#${count}`;
    taken.add(id);
    return id;
  };
}
