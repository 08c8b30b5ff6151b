/**
 * How much of a workflow's path is still to be revealed, learned from the workflows of its class that have ended: by the number of
 * calls done, the mean and the spread of what remained of the path at best.
 *
 * Plain data, so that it can be a policy's memory: a restarted driver goes on with what was learned. Open workflows are kept in many
 * small records, so that a plan copies few of them.
 */

import type { Known } from "../../cost/candidate.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { WorkflowId } from "../../model/workflow.ts";
import type { StageNode } from "../../state/workflow-state.ts";
import { ownOf } from "../../model/own.ts";
import { isAmount, leastKnown } from "../by-name.ts";
import { bookOf } from "./workflow-book.ts";

export type History = {
  readonly classes: Readonly<Record<string, readonly (Remaining | null)[]>>;
  readonly open: readonly OpenPaths[];
  /** How many workflows `open` has. */
  readonly count: number;
  /** When it was last looked at what had become ready. */
  readonly seenUs: number;
};

/** Of one step: how many workflows came so far, mean and sum of squared deviations of what remained then. Microseconds. */
type Remaining = { readonly count: number; readonly meanUs: number; readonly squares: number };

/** How far along the path the furthest call lies that became ready at each step; null where none did. */
type OpenPath = { readonly class: string; readonly reachedUs: readonly (number | null)[] };
type OpenPaths = Readonly<Record<WorkflowId, OpenPath>>;

export const noHistory: History = { classes: {}, open: [], count: 0, seenUs: 0 };

/** Below so many workflows a mean says nothing. */
const leastCount = 3;
const parts = 64;

/** Steps are calls done, one by one at first, then wider: what remains of a long search changes slowly. */
function stepOf(calls: number): number {
  return calls < 12 ? calls : 12 + Math.floor((calls - 12) / 6);
}

/** What is still to be revealed behind the calls that are ready now, at best. `deviations` standard deviations above the mean. */
export function remainingUs({ classes }: History, known: Known, { workflow }: StageNode, deviations: number): number {
  const steps = ownOf(classes, workflow.class ?? "");
  if (steps === undefined) return 0;
  for (let step = Math.min(stepOf(bookOf(known, workflow).calls), steps.length - 1); step >= 0; step--) {
    const found = steps[step];
    if (found === null || found === undefined || found.count < leastCount) continue;
    return Math.max(0, found.meanUs + deviations * Math.sqrt(found.squares / found.count));
  }
  return 0;
}

/** With the calls that have become ready, which stand last, and with what workflows have shown that are over. */
export function learn(history: History, known: Known, ready: readonly VisibleModelStage[]): History {
  const open: OpenPaths[] = [];
  const changed = new Map<number, Record<WorkflowId, OpenPath>>();
  const change = (part: number): Record<WorkflowId, OpenPath> => {
    let record = changed.get(part);
    if (record === undefined) changed.set(part, (record = { ...history.open[part] }));
    return record;
  };
  const classes: Record<string, History["classes"][string]> = { ...history.classes };
  let { count } = history;
  for (let index = ready.length - 1; index >= 0; index--) {
    const { key } = ready[index] as VisibleModelStage;
    const { workflow, readyUs } = known.workflows.node(key);
    if (readyUs < history.seenUs) break;
    const book = bookOf(known, workflow);
    const part = partOf(workflow.id);
    const before = ownOf(changed.get(part) ?? history.open[part], workflow.id);
    const step = stepOf(book.calls);
    const reachedUs = book.finishUs.get(key) ?? 0;
    if ((before?.reachedUs[step] ?? -1) >= reachedUs) continue;
    if (before === undefined) count += 1;
    const path = [...(before?.reachedUs ?? [])];
    while (path.length < step) path.push(null);
    path[step] = reachedUs;
    change(part)[workflow.id] = { class: workflow.class ?? "", reachedUs: path };
  }
  if (count > known.workflows.open.size) {
    for (let part = 0; part < parts; part++) {
      for (const [id, path] of Object.entries(changed.get(part) ?? history.open[part] ?? {})) {
        if (known.workflows.open.has(id)) continue;
        delete change(part)[id];
        count -= 1;
        classes[path.class] = withPath(ownOf(classes, path.class) ?? [], path.reachedUs);
        const least = leastKnown(classes, countOf, path.class);
        if (least !== undefined) delete classes[least];
      }
    }
  }
  if (changed.size === 0) return history;
  for (let part = 0; part < parts; part++) open.push(changed.get(part) ?? history.open[part] ?? {});
  return { classes, open, count, seenUs: known.nowUs };
}

/** Classes that are kept for another process: those of which most is known. */
const mostKept = 64;

/** What has been learned of classes, without the workflows that are open. Undefined if that is nothing, or no history at all. */
export function keepClasses(history: unknown): History | undefined {
  const { classes } = (history ?? {}) as Partial<History>;
  if (typeof classes !== "object" || classes === null) return undefined;
  const known = Object.entries(classes)
    .filter(([, steps]) => Array.isArray(steps) && steps.every(isRemaining))
    .map(([name, steps]) => ({ name, steps, count: countOf(steps) }))
    .filter(({ count }) => count > 0)
    .sort((left, right) => right.count - left.count || (left.name < right.name ? -1 : 1))
    .slice(0, mostKept);
  if (known.length === 0) return undefined;
  return { ...noHistory, classes: Object.fromEntries(known.map(({ name, steps }) => [name, steps])) };
}

function countOf(steps: History["classes"][string]): number {
  return Math.max(0, ...steps.map((step) => step?.count ?? 0));
}

function isRemaining(step: unknown): boolean {
  if (step === null) return true;
  const { count, meanUs, squares } = (step ?? {}) as Partial<Remaining>;
  return [count, meanUs, squares].every(isAmount);
}

function withPath(steps: History["classes"][string], reachedUs: OpenPath["reachedUs"]): History["classes"][string] {
  let wholeUs = 0;
  for (const us of reachedUs) wholeUs = Math.max(wholeUs, us ?? 0);
  const length = Math.max(steps.length, reachedUs.length);
  return Array.from({ length }, (_, step) => {
    const before = steps[step] ?? null;
    const us = reachedUs[step] ?? null;
    if (us === null) return before;
    const { count, meanUs, squares } = before ?? { count: 0, meanUs: 0, squares: 0 };
    const leftUs = wholeUs - us;
    const mean = meanUs + (leftUs - meanUs) / (count + 1);
    return { count: count + 1, meanUs: mean, squares: squares + (leftUs - meanUs) * (leftUs - mean) };
  });
}

function partOf(id: WorkflowId): number {
  let hash = 0;
  for (let index = 0; index < id.length; index++) hash = (Math.imul(hash, 31) + id.charCodeAt(index)) | 0;
  return (hash >>> 0) % parts;
}
