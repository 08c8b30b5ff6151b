/** Plans from scratch: orders in which each stage then goes where it ends first. */

import { open, openToPairs, parentsFirst, type WholePlan } from "./plan.ts";
import type { Scene } from "./scene.ts";

/** Workflow by workflow as their turn comes, inside each the longest path first. */
export function byTurn(scene: Scene): readonly number[] {
  const { stages, workflowOf, rankUs } = scene;
  return [...stages.keys()].sort(
    (left, right) =>
      stages[right]!.priority - stages[left]!.priority ||
      workflowOf[left]! - workflowOf[right]! ||
      rankUs[right]! - rankUs[left]! ||
      left - right,
  );
}

/** The longest path first, whosever it is. */
export function byRank({ stages, rankUs }: Scene): readonly number[] {
  return [...stages.keys()].sort((left, right) => rankUs[right]! - rankUs[left]! || left - right);
}

/** The workflow that came first, inside it the longest path. */
export function byArrival({ stages, workflows, workflowOf, rankUs }: Scene): readonly number[] {
  const arriveUs = (stage: number): number => workflows[workflowOf[stage]!]!.arriveUs;
  return [...stages.keys()].sort(
    (left, right) => arriveUs(left) - arriveUs(right) || rankUs[right]! - rankUs[left]! || left - right,
  );
}

export function leaveOpen(scene: Scene, order: Iterable<number>, pairs: boolean): WholePlan {
  const told = new Int32Array(scene.stages.length).fill(pairs ? openToPairs : open);
  return { order: parentsFirst(scene, order), told };
}
