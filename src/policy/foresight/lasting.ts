/** What of the memory holds in another process: which calls follow which and how much is called, without the workflows that are open. */

import { keepHistory } from "../agents/hexagent.ts";
import { keepDemand } from "./demand.ts";
import type { Memories } from "./memories.ts";
import { keepClasses } from "./revealed/history.ts";

export function keepLearnt(memory: unknown): Memories | undefined {
  const { whole, revealed, pairs } = (memory ?? {}) as Memories;
  const demand = keepDemand((whole as { demand?: unknown } | null | undefined)?.demand);
  const history = keepClasses((revealed as { history?: unknown } | null | undefined)?.history);
  const ofPairs = keepHistory(pairs);
  const kept: Memories = {
    ...(demand === undefined ? {} : { whole: { demand } }),
    ...(history === undefined ? {} : { revealed: { history } }),
    ...(ofPairs === undefined ? {} : { pairs: ofPairs }),
  };
  return Object.keys(kept).length === 0 ? undefined : kept;
}
