/**
 * Lets the ready stages choose in order of the engine time that their workflow still asks for, the least first, and those of one
 * workflow in order of upward rank; each goes where it ends first, as in `greedy-finish`.
 *
 * Shortest remaining processing time (L. Schrage, Operations Research 16(3), 1968) with a workflow as the job. Departures: a
 * workflow's engine time is what is expected of the stages revealed so far, each on the engine that is best for it; nothing that
 * runs is interrupted; priorities come first.
 */

import type { VisibleModelStage } from "../model/visible.ts";
import { planEarliestFinish } from "./greedy-finish.ts";
import { createMeanCosts, rankStages, type MeanCosts } from "./heft/mean-costs.ts";
import type { Policy } from "./policy.ts";
import { remainingWork, type RemainingWork } from "./remaining-work.ts";
import { rememberByStage, type Remembered } from "./remember.ts";
import type { ShardSettings } from "./shards.ts";

type Memory = { readonly work: RemainingWork; readonly ranks: Remembered<number> };

export function createShortestWork({ mostShards }: ShardSettings): Policy {
  return (view) => {
    const before = view.memory as Memory | undefined;
    const work = remainingWork(view, before?.work);
    let means: MeanCosts | undefined;
    const ranks = rememberByStage({ ...view, memory: before?.ranks }, (workflow) => {
      means ??= createMeanCosts(view);
      return [...rankStages(workflow, means)].map(([{ stage }, rank]) => [stage.key, rank] as const);
    });
    const leftUs = ({ workflow }: VisibleModelStage): number => work[workflow]?.leftUs ?? 0;
    const rankOf = ({ workflow, key }: VisibleModelStage): number => ranks[workflow]?.values[key] ?? 0;
    const stages = [...view.ready].sort(
      (left, right) =>
        right.priority - left.priority ||
        leftUs(left) - leftUs(right) ||
        rankOf(right) - rankOf(left) ||
        left.ordinal - right.ordinal,
    );
    return {
      decisions: planEarliestFinish(view, stages, { hold: true, mostShards }),
      memory: { work, ranks } satisfies Memory,
    };
  };
}
