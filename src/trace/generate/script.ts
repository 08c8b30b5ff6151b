/**
 * Writes down the stages of one generated workflow, call after call. A call may go on where an earlier one ended:
 * its prompt then begins with that one's whole prompt and output, as chat protocols send them.
 */

import { strict as assert } from "node:assert";
import type { ModelId } from "../../model/model.ts";
import { secondsToUs } from "../../model/units.ts";
import type { Segment, Stage, StageId, Workflow } from "../../model/workflow.ts";
import { drawLogNormal, drawNormal } from "../../random/distributions.ts";
import type { Rng } from "../../random/rng.ts";
import type { FamilyRequest } from "./family.ts";

/** What agents call unless a request names another model. */
export const agentModel: ModelId = "llama-3.1-70b";

export type Call = {
  readonly id: StageId;
  readonly kind?: "llm" | "embed";
  readonly model: ModelId;
  readonly parents: readonly StageId[];
  /** Goes on where this call ended. */
  readonly after?: StageId;
  /** What the prompt begins with, behind what it continues. */
  readonly shared?: readonly Segment[];
  /** Text of its own, at the end. */
  readonly ownTokens: number;
  /** Ignored for an embedding. */
  readonly outputTokens?: number;
  readonly items?: number;
  /** From each parent; 0 unless said: texts travel with the prompt. */
  readonly bytes?: number;
};

export type Script = {
  readonly call: (call: Call) => StageId;
  readonly tool: (id: StageId, parents: readonly StageId[], seconds: number) => StageId;
  readonly finish: (reveal: "static" | "online", name: string) => Workflow;
};

/** The caller's cap on every output of generated workflows. */
const outputLimit = 4096;

export function createScript(request: FamilyRequest): Script {
  const estimates = request.rng.stream("estimate");
  const stages: Stage[] = [];
  const calls = new Map<StageId, readonly Segment[]>();
  const misjudge = (value: number): number => value * Math.exp(request.error * drawNormal(estimates));

  const call = (wanted: Call): StageId => {
    const { id, kind = "llm", model, parents, ownTokens, items = 1, bytes = 0 } = wanted;
    const head = [...(wanted.after === undefined ? [] : continued(wanted.after)), ...(wanted.shared ?? [])];
    const actual = kind === "embed" ? 0 : boundTokens(wanted.outputTokens ?? 1, outputLimit);
    const estimate = kind === "embed" ? 0 : boundTokens(misjudge(actual), outputLimit);
    // An item's text is shared with nobody. The text of a whole call has a name, so that a later call can go on from it.
    const own: Segment =
      items > 1 || kind === "embed"
        ? { kind: "own", tokens: ownTokens }
        : { kind: "text", key: `own:${request.id}/${id}`, tokens: ownTokens };
    const prompt = [...head, ...(ownTokens > 0 ? [own] : [])];
    calls.set(id, prompt);
    const output = { estimate, actual, limit: kind === "embed" ? 0 : outputLimit };
    stages.push({ id, kind, model, parents: edges(parents, bytes), priority: 0, prompt, output, items });
    return id;
  };

  const continued = (id: StageId): readonly Segment[] => {
    const prompt = calls.get(id);
    assert(prompt !== undefined, `${request.id}: ${id} is no call so far`);
    return [...prompt, { kind: "output", stage: id }];
  };

  const tool = (id: StageId, parents: readonly StageId[], seconds: number): StageId => {
    const times = { estimateUs: secondsToUs(misjudge(seconds)), actualUs: secondsToUs(seconds) };
    stages.push({ id, kind: "tool", parents: edges(parents, 0), priority: 0, ...times });
    return id;
  };

  const finish = (reveal: "static" | "online", name: string): Workflow => {
    const { id, arrivalUs } = request;
    const workflow = { id, arrivalUs, reveal: request.reveal ?? reveal, class: name };
    return { ...workflow, stages: nameOnlyWhatIsShared(stages) };
  };

  return { call, tool, finish };
}

/** A call's last text stays `own` unless some other call repeats it. */
function nameOnlyWhatIsShared(stages: readonly Stage[]): readonly Stage[] {
  const uses = new Map<string, number>();
  for (const stage of stages) {
    if (stage.kind === "tool") continue;
    for (const segment of stage.prompt)
      if (segment.kind === "text") uses.set(segment.key, (uses.get(segment.key) ?? 0) + 1);
  }
  return stages.map((stage) => {
    if (stage.kind === "tool") return stage;
    const last = stage.prompt.at(-1);
    if (last?.kind !== "text" || !last.key.startsWith("own:") || uses.get(last.key) !== 1) return stage;
    return { ...stage, prompt: [...stage.prompt.slice(0, -1), { kind: "own", tokens: last.tokens }] };
  });
}

function edges(parents: readonly StageId[], bytes: number): Stage["parents"] {
  return parents.map((stage) => ({ stage, bytes }));
}

/** Whole tokens, log-normal with the given mean: the traces' papers give means. */
export function drawMean(rng: Rng, mean: number, sigma: number): number {
  return boundTokens(drawLogNormal(rng, mean * Math.exp((-sigma * sigma) / 2), sigma), 20 * mean);
}

/** How many, at least one: geometric with the given mean, cut at `most`. */
export function drawGeometric(rng: Rng, mean: number, most: number): number {
  const count = 1 + Math.floor(Math.log(1 - rng.next()) / Math.log(1 - 1 / mean));
  return Math.min(most, count);
}

function boundTokens(tokens: number, most: number): number {
  return Math.max(1, Math.min(most, Math.round(tokens)));
}
