/**
 * What workflows have called so far, by class: which model after which, and how long after. Of the last call that a workflow made,
 * it says which one is likely to come next, and of the fleet, how often each model is called.
 *
 * Plain data: a policy's memory.
 */

import type { ModelId } from "../../../model/model.ts";
import type { VisibleModelStage } from "../../../model/visible.ts";
import type { OpenWorkflow, StageNode } from "../../../state/workflow-state.ts";
import { ownOf } from "../../../model/own.ts";
import { isAmount, isRecord, leastKnown, ownEntries, ownNumbers } from "../../by-name.ts";
import type { View } from "../../policy.ts";
import { trailOf, TrailsDraft, type OpenTrail, type OpenTrails } from "./open-trails.ts";

export type History = {
  /** By class and model called last; by class alone for the first call. */
  readonly after: Readonly<Record<string, Followers>>;
  readonly sizes: Readonly<Record<ModelId, CallSize>>;
  /** Calls of each model, older ones faded. */
  readonly calls: Readonly<Record<ModelId, number>>;
  readonly open: OpenTrails;
  /** Workflows that came, and when the first and the last did. */
  readonly arrivals: { readonly count: number; readonly firstUs: number; readonly lastUs: number };
  /** Workflows of each class that came, for as many classes as there is room. */
  readonly classes: Readonly<Record<string, number>>;
};

/** How often each model came next, and of the latest how long after the end of the call before; `over` if none came. */
export type Followers = {
  readonly total: number;
  readonly over: number;
  readonly next: Readonly<Record<ModelId, number>>;
  readonly gapsUs: readonly number[];
};

/** Means. */
export type CallSize = { readonly promptTokens: number; readonly outputTokens: number };

export const noHistory: History = {
  after: {},
  sizes: {},
  calls: {},
  open: {},
  arrivals: { count: 0, firstUs: 0, lastUs: 0 },
  classes: {},
};

const mostGaps = 12;
/** Every call counts against all before it of any model. */
const fading = 0.98;
/** And against those of its own model, in size. */
const latest = 0.1;

export function stepKey(name: string, model: ModelId | undefined): string {
  return model === undefined ? name : `${name}\n${model}`;
}

function classOf(key: string): string {
  const end = key.lastIndexOf("\n");
  return end < 0 ? key : key.slice(0, end);
}

export function learn(view: View, before: History): History {
  const draft = new Draft(before);
  draft.noteOver(draft.trails.sweep(view.workflows.open));
  // What shows itself at once is planned as it is.
  for (const workflow of view.workflows.open.values()) if (workflow.reveal !== "static") draft.follow(view, workflow);
  return draft.finish();
}

/**
 * The same where a call of this workflow is all that is new, in a time that does not grow with how many are open. When a workflow
 * comes, some of those that are over are let go; all of them where there are few, and where a plan asks what is to come.
 */
export function learnOf(view: View, before: History, workflow: OpenWorkflow): History {
  if (workflow.reveal === "static") return before;
  const draft = new Draft(before);
  if (trailOf(before.open, workflow.id) === undefined)
    draft.noteOver(draft.trails.sweepSome(workflow.id, view.workflows.open));
  draft.follow(view, workflow);
  return draft.finish();
}

/** Classes that are kept for another process: those of which most came. */
const mostKept = 64;

/** What has been learned of classes and models, without what is open. Undefined if that is nothing, or no history at all. */
export function keepClasses(given: unknown): History | undefined {
  const { classes, after, sizes, calls } = (given ?? {}) as Partial<History>;
  const kept = Object.entries(ownNumbers(classes))
    .sort(([one, few], [other, many]) => many - few || (one < other ? -1 : 1))
    .slice(0, mostKept);
  if (kept.length === 0) return undefined;
  const names = new Set(kept.map(([name]) => name));
  const followers = Object.entries(ownEntries(after, isFollowers)).filter(([key]) => names.has(classOf(key)));
  return {
    ...noHistory,
    classes: Object.fromEntries(kept),
    after: Object.fromEntries(followers),
    sizes: ownEntries(sizes, isCallSize),
    calls: ownNumbers(calls),
  };
}

function isFollowers(value: unknown): value is Followers {
  const { total, over, next, gapsUs } = (value ?? {}) as Partial<Followers>;
  if (!isAmount(total) || !isAmount(over) || !Array.isArray(gapsUs) || gapsUs.length > mostGaps) return false;
  return gapsUs.every(isAmount) && isRecord(next) && Object.values(next).every(isAmount);
}

function isCallSize(value: unknown): value is CallSize {
  const { promptTokens, outputTokens } = (value ?? {}) as Partial<CallSize>;
  return isAmount(promptTokens) && isAmount(outputTokens);
}

/** Changes copies of what it was given, and only of what changes. */
class Draft {
  readonly trails: TrailsDraft;
  readonly #before: History;
  #after: Record<string, Followers> | undefined;
  #sizes: Record<ModelId, CallSize> | undefined;
  #calls: Record<ModelId, number> | undefined;
  #classes: Record<string, number> | undefined;
  #arrivals: History["arrivals"];

  constructor(before: History) {
    this.#before = before;
    this.trails = new TrailsDraft(before.open);
    this.#arrivals = before.arrivals;
  }

  /** Nothing came after their last calls. */
  noteOver(trails: readonly OpenTrail[]): void {
    for (const trail of trails) this.#note(trail.class, trail.model, undefined, 0);
  }

  follow({ nowUs }: View, workflow: OpenWorkflow): void {
    const known = trailOf(this.#before.open, workflow.id);
    if (known === undefined) this.#arrive(workflow);
    else if (known.stages === workflow.stages.size && known.going.length === 0) return;
    const nodeOf = (key: string): StageNode | undefined => workflow.stages.get(key);
    const going = known?.going.filter((key) => (nodeOf(key)?.status ?? "ended") !== "ended") ?? [];
    if (known?.stages === workflow.stages.size && going.length === known.going.length) return;
    let trail: OpenTrail = known ?? {
      class: workflow.class ?? "",
      stages: 0,
      ordinal: -1,
      going: [],
      endUs: workflow.arriveUs,
    };
    if (going.length < trail.going.length) {
      const endsUs = trail.going.map((key) => nodeOf(key)?.endedUs ?? nowUs);
      trail = { ...trail, going, endUs: Math.max(trail.endUs, ...endsUs) };
    }
    let { ordinal } = trail;
    for (const { stage, status, readyUs, endedUs } of workflow.stages.values()) {
      if (stage.ordinal <= trail.ordinal) continue;
      ordinal = stage.ordinal;
      if (stage.kind === "tool") continue;
      const isAlong = trail.going.length > 0;
      this.#note(trail.class, trail.model, stage.model, isAlong ? 0 : Math.max(0, readyUs - trail.endUs));
      this.#size(stage);
      trail =
        status === "ended"
          ? { ...trail, model: stage.model, endUs: Math.max(trail.endUs, endedUs) }
          : { ...trail, model: stage.model, going: [...trail.going, stage.key] };
    }
    this.trails.set(workflow.id, { ...trail, stages: workflow.stages.size, ordinal });
  }

  #arrive({ arriveUs, class: name = "" }: OpenWorkflow): void {
    const { count, firstUs } = this.#arrivals;
    this.#arrivals = { count: count + 1, firstUs: count === 0 ? arriveUs : firstUs, lastUs: arriveUs };
    this.#classes ??= { ...this.#before.classes };
    this.#classes[name] = 1 + (ownOf(this.#classes, name) ?? 0);
    const least = leastKnown(this.#classes, (workflows) => workflows, name);
    if (least !== undefined) this.#forget(least);
  }

  #forget(name: string): void {
    delete this.#classes?.[name];
    this.#after ??= { ...this.#before.after };
    for (const key of Object.keys(this.#after)) if (classOf(key) === name) delete this.#after[key];
  }

  #note(name: string, from: ModelId | undefined, model: ModelId | undefined, gapUs: number): void {
    if (ownOf(this.#classes ?? this.#before.classes, name) === undefined) return;
    const key = stepKey(name, from);
    this.#after ??= { ...this.#before.after };
    const { total, over, next, gapsUs } = ownOf(this.#after, key) ?? { total: 0, over: 0, next: {}, gapsUs: [] };
    this.#after[key] =
      model === undefined
        ? { total: total + 1, over: over + 1, next, gapsUs }
        : {
            total: total + 1,
            over,
            next: { ...next, [model]: 1 + (next[model] ?? 0) },
            gapsUs: [...gapsUs.slice(gapsUs.length < mostGaps ? 0 : 1), gapUs],
          };
  }

  #size({ model, promptTokens, outputTokens, items }: VisibleModelStage): void {
    this.#sizes ??= { ...this.#before.sizes };
    const [prompt, output] = [promptTokens / items, outputTokens / items];
    const { promptTokens: meanPrompt, outputTokens: meanOutput } = this.#sizes[model] ?? {
      promptTokens: prompt,
      outputTokens: output,
    };
    this.#sizes[model] = {
      promptTokens: meanPrompt + latest * (prompt - meanPrompt),
      outputTokens: meanOutput + latest * (output - meanOutput),
    };
    const calls: Record<ModelId, number> = {};
    for (const [name, count] of Object.entries(this.#calls ?? this.#before.calls)) calls[name] = fading * count;
    calls[model] = 1 + (calls[model] ?? 0);
    this.#calls = calls;
  }

  finish(): History {
    return {
      after: this.#after ?? this.#before.after,
      sizes: this.#sizes ?? this.#before.sizes,
      calls: this.#calls ?? this.#before.calls,
      open: this.trails.finish(),
      classes: this.#classes ?? this.#before.classes,
      arrivals: this.#arrivals,
    };
  }
}
