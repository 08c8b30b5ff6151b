/** The order of least attained service, which is a stage's place in an engine's queue as well. */

import type { VisibleModelStage } from "../../model/visible.ts";
import type { View } from "../policy.ts";

export type Order = {
  readonly stages: readonly VisibleModelStage[];
  readonly rankOf: (stage: VisibleModelStage) => number;
};

/** The most urgent first, then the least attained, then in order of reveal. */
export function orderByAttained(view: View, attainedOf: (stage: VisibleModelStage) => number): Order {
  const attained = new Map(view.ready.map((stage) => [stage, attainedOf(stage)]));
  const rankOf = (stage: VisibleModelStage): number => attained.get(stage) ?? 0;
  const stages = [...view.ready].sort(
    (left, right) => right.priority - left.priority || rankOf(left) - rankOf(right) || left.ordinal - right.ordinal,
  );
  return { stages, rankOf };
}
