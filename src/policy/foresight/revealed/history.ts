/**
 * What workflows have called so far, by class: which model after which, and how long after. Of the last call that a workflow made,
 * it says which one is likely to come next, and of the fleet, how often each model is called.
 *
 * Plain data: a policy's memory.
 */

import type { ModelId } from "../../../model/model.ts";
import type { VisibleModelStage } from "../../../model/visible.ts";
import type { WorkflowId } from "../../../model/workflow.ts";
import type { OpenWorkflow } from "../../../state/workflow-state.ts";
import type { View } from "../../policy.ts";

export type History = {
  /** By class and model called last; by class alone for the first call. */
  readonly after: Readonly<Record<string, Followers>>;
  readonly sizes: Readonly<Record<ModelId, CallSize>>;
  /** Calls of each model, older ones faded. */
  readonly calls: Readonly<Record<ModelId, number>>;
  readonly open: Readonly<Record<WorkflowId, OpenTrail>>;
  /** Workflows that came, and when the first and the last did. */
  readonly arrivals: { readonly count: number; readonly firstUs: number; readonly lastUs: number };
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

export type OpenTrail = {
  readonly class: string;
  readonly stages: number;
  readonly model?: ModelId;
  /** Of its calls, those that had not ended when last looked at. */
  readonly going: readonly string[];
  /** When its last call was seen to be over. */
  readonly endUs: number;
};

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

export function learn(view: View, before: History): History {
  const draft = new Draft(before);
  for (const [id, trail] of Object.entries(before.open)) {
    if (view.workflows.open.has(id)) continue;
    draft.note(stepKey(trail.class, trail.model), undefined, 0);
    draft.close(id);
  }
  for (const workflow of view.workflows.open.values()) draft.follow(view, workflow);
  return draft.finish();
}

/** Changes copies of what it was given, and only of what changes. */
class Draft {
  readonly #before: History;
  #after: Record<string, Followers> | undefined;
  #sizes: Record<ModelId, CallSize> | undefined;
  #calls: Record<ModelId, number> | undefined;
  #open: Record<WorkflowId, OpenTrail> | undefined;
  #classes: Record<string, number> | undefined;
  #arrivals: History["arrivals"];

  constructor(before: History) {
    this.#before = before;
    this.#arrivals = before.arrivals;
  }

  close(id: WorkflowId): void {
    this.#open ??= { ...this.#before.open };
    delete this.#open[id];
  }

  follow(view: View, workflow: OpenWorkflow): void {
    const known = this.#before.open[workflow.id];
    if (known === undefined) this.#arrive(workflow);
    const going = known?.going.filter((key) => workflow.stages.get(key)?.status !== "ended") ?? [];
    if (known?.stages === workflow.stages.size && going.length === known.going.length) return;
    let trail: OpenTrail = known ?? { class: workflow.class ?? "", stages: 0, going: [], endUs: workflow.arriveUs };
    if (going.length < trail.going.length) trail = { ...trail, going, endUs: view.nowUs };
    let position = 0;
    for (const { stage, status, readyUs } of workflow.stages.values()) {
      position += 1;
      if (position <= trail.stages || stage.kind === "tool") continue;
      const isAlong = trail.going.length > 0;
      this.note(stepKey(trail.class, trail.model), stage.model, isAlong ? 0 : Math.max(0, readyUs - trail.endUs));
      this.#size(stage);
      const stillGoing = status === "ended" ? trail.going : [...trail.going, stage.key];
      trail = { ...trail, model: stage.model, going: stillGoing };
    }
    this.#open ??= { ...this.#before.open };
    this.#open[workflow.id] = { ...trail, stages: workflow.stages.size };
  }

  #arrive({ arriveUs, class: name = "" }: OpenWorkflow): void {
    const { count, firstUs } = this.#arrivals;
    this.#arrivals = { count: count + 1, firstUs: count === 0 ? arriveUs : firstUs, lastUs: arriveUs };
    this.#classes ??= { ...this.#before.classes };
    this.#classes[name] = 1 + (this.#classes[name] ?? 0);
  }

  note(key: string, model: ModelId | undefined, gapUs: number): void {
    this.#after ??= { ...this.#before.after };
    const { total, over, next, gapsUs } = this.#after[key] ?? { total: 0, over: 0, next: {}, gapsUs: [] };
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
      open: this.#open ?? this.#before.open,
      classes: this.#classes ?? this.#before.classes,
      arrivals: this.#arrivals,
    };
  }
}
