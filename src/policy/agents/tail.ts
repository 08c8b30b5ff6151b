/**
 * Admission that protects the tail: the first call of a workflow waits while workflows that have begun are at more risk than it is,
 * and its engine would not take it up soon.
 */

import { bestTimesOf } from "./best-times.ts";
import type { View } from "../policy.ts";
import { bookOf } from "./workflow-book.ts";
import { keyAt, riskUrgency, type Call } from "./orders.ts";
import type { Projected } from "./projection.ts";

export type TailSettings = {
  /** A workflow is in danger whose ratio to its horizon is above this. */
  readonly dangerRatio: number;
  /** Below this ratio of its own a workflow can wait. */
  readonly patientRatio: number;
};

/** Looks once at the ready calls. */
export function createTail(
  view: View,
  { dangerRatio, patientRatio }: TailSettings,
): (call: Call, projected: Projected) => boolean {
  // Where nothing runs nothing would end the wait.
  const isBusy = [...view.cluster].some(({ running, queue }) => running.length + queue.length > 0);
  let danger: boolean | undefined;
  const riskOf = (stage: Call["stage"]): number => {
    const node = view.workflows.node(stage.key);
    return -keyAt(riskUrgency(view, node, bestTimesOf(view.costs).ofUs(stage)), view.nowUs);
  };
  return ({ stage }, { startUs }) => {
    const { workflow } = view.workflows.node(stage.key);
    if (!isBusy || startUs <= view.nowUs || bookOf(view, workflow).calls > 0) return false;
    danger ??= view.ready.some((other) => riskOf(other) > dangerRatio);
    return danger && riskOf(stage) < patientRatio;
  };
}
