/** Who may join the batch. Nothing overtakes the head of the queue. */

import { countSequences } from "./fill-batch.ts";
import type { KvMemory } from "./kv-memory.ts";
import { admissionTokens, type Running } from "./running.ts";

/** The head of the queue, if the batch has room for it. An empty batch has: what is held for other engines gives way. */
export function admissibleHead(
  [head]: readonly Running[],
  batch: readonly Running[],
  kv: KvMemory,
  maxSequences: number,
): Running | undefined {
  if (head === undefined) return undefined;
  const { costs, sequences } = head.task;
  const [first] = batch;
  const needed = admissionTokens(head);
  if (first === undefined) {
    kv.makeRoom(costs, needed);
    return head;
  }
  if (first.task.costs !== costs) return undefined;
  if (countSequences(batch) + sequences > maxSequences) return undefined;
  return needed <= kv.freeTokens(costs) ? head : undefined;
}
