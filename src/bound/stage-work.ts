/** The work of a workflow for prices: what each stage takes on each place at least, and what one of several stages takes besides. */

import type { Work } from "./capacity.ts";
import type { FirstTouch } from "./first-touch.ts";
import type { Times } from "./paths.ts";
import type { Places } from "./places.ts";
import type { TrueStage } from "./true-workflow.ts";

/** Done by one of the stages. */
export type StageWork = Work & { readonly stages: readonly number[] };

export function toWork(
  stages: readonly TrueStage[],
  times: Times,
  places: Places,
  touches: readonly FirstTouch[],
): readonly StageWork[] {
  const own = stages.flatMap((node, index) => {
    if (node.kind !== "model") return [];
    const workUs = places.all.map((_, place) => times[index]?.[place]?.workUs ?? Infinity);
    return [{ model: node.stage.model, stages: [index], workUs }];
  });
  return [...own, ...touches];
}

/** What is done by a set of stages, whoever of it does it. */
export function within(work: readonly StageWork[], isInside: (index: number) => boolean): readonly StageWork[] {
  return work.filter(({ stages }) => stages.every(isInside));
}
