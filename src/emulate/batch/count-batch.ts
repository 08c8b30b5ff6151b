/** What a batch and its queue hold, of all models or of one. */

import type { ModelId } from "../../model/model.ts";
import type { BatchLoop } from "./batch-loop.ts";
import { countSequences } from "./fill-batch.ts";
import { keptTokens, type Running } from "./running.ts";

export type BatchCounts = {
  /** Sequences in the batch. */
  readonly running: number;
  /** Calls in the queue. */
  readonly waiting: number;
  /** That the batch keeps. */
  readonly kvTokens: number;
};

export function countBatch({ members, waiting }: BatchLoop, model?: ModelId): BatchCounts {
  const mine = ({ task }: Running): boolean => model === undefined || task.costs.model.id === model;
  const running = members.filter(mine);
  return {
    running: countSequences(running),
    waiting: waiting.filter(mine).length,
    kvTokens: keptTokens(running),
  };
}
