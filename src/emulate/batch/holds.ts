/** KV that a prefill has left for another engine to fetch: it takes up memory until it is fetched, given up or too old. */

import type { ModelId } from "../../model/model.ts";

export type Hold = {
  readonly key: string;
  readonly model: ModelId;
  readonly tokens: number;
  readonly promptHash: number;
  readonly untilUs: number;
};

export type Holds = {
  readonly add: (hold: Hold, nowUs: number) => void;
  /** Gives it out, once. */
  readonly take: (key: string, nowUs: number) => Hold | undefined;
  readonly tokens: (model: ModelId, nowUs: number) => number;
  readonly dropOldest: (model: ModelId) => boolean;
  readonly drop: (model: ModelId) => void;
  readonly count: () => number;
};

/** More are not kept: the oldest goes. */
const most = 1024;

export function createHolds(): Holds {
  /** Oldest first. */
  const held = new Map<string, Hold>();
  const remove = (choose: (hold: Hold) => boolean): void => {
    for (const hold of held.values()) if (choose(hold)) held.delete(hold.key);
  };
  return {
    add: (hold, nowUs) => {
      remove(({ untilUs }) => untilUs <= nowUs);
      const [oldest] = held.keys();
      if (held.size >= most && oldest !== undefined) held.delete(oldest);
      held.set(hold.key, hold);
    },
    take: (key, nowUs) => {
      const hold = held.get(key);
      held.delete(key);
      return hold === undefined || hold.untilUs <= nowUs ? undefined : hold;
    },
    tokens: (model, nowUs) => {
      let tokens = 0;
      for (const hold of held.values()) if (hold.model === model && hold.untilUs > nowUs) tokens += hold.tokens;
      return tokens;
    },
    dropOldest: (model) => {
      for (const hold of held.values()) {
        if (hold.model !== model) continue;
        held.delete(hold.key);
        return true;
      }
      return false;
    },
    drop: (model) => remove((hold) => hold.model === model),
    count: () => held.size,
  };
}
