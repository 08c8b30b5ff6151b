/**
 * Follows what one engine publishes about its cache, without gaps, and says when it cannot.
 *
 * Sequence numbers must follow one another. What is missed is asked for at the replay socket: on every connection, and
 * whenever a number is skipped; live batches wait meanwhile. A follower is current if every batch since the engine began, or
 * since its cache was last cleared, has been handed on; otherwise it is stale, with a reason. What cannot be repaired is
 * forgotten: from then on only blocks stored later are known, until the cache is cleared.
 */

import { subscribe } from "../../wire/zmtp-subscribe.ts";
import { FollowBook } from "./follow-book.ts";
import type { FollowCounters, FollowOptions, FollowState } from "./follow-options.ts";

export type Follower = AsyncDisposable & {
  readonly state: FollowState;
  readonly counters: Readonly<FollowCounters>;
};

/** Begins at once. */
export function follow(options: FollowOptions): Follower {
  const book = new FollowBook(options);
  const { heartbeatMs, backoffMs, wait } = options;
  const subscription = subscribe({
    address: options.address,
    topics: [options.topic],
    onMessage: (frames) => book.hear(frames),
    onConnect: () => book.connect(),
    onDisconnect: (reason) => book.disconnect(reason),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    ...(backoffMs === undefined ? {} : { backoffMs }),
    ...(wait === undefined ? {} : { wait }),
  });
  return {
    get state() {
      return book.state;
    },
    counters: book.counters,
    [Symbol.asyncDispose]: async () => {
      await subscription[Symbol.asyncDispose]();
      await book.stop();
    },
  };
}
