/** What happened in a run, for those who follow it: the latest events, with ids that count up from 1. */

import type { RunEvent, RunEventBody } from "./wire.ts";

export type EventLog = {
  readonly append: (body: RunEventBody) => void;
  /** Events after `id`, oldest first; `missed` if some of them are no longer kept. */
  readonly after: (id: number) => { readonly events: readonly RunEvent[]; readonly missed: boolean };
  /** Nothing follows. */
  readonly close: () => void;
  readonly closed: () => boolean;
  /** Resolves with the next event or with the close, whichever comes first. */
  readonly changed: () => Promise<void>;
};

export function createEventLog(maxEvents: number, nowMs: () => number): EventLog {
  let events: RunEvent[] = [];
  let lastId = 0;
  let closed = false;
  let waiting = Promise.withResolvers<void>();
  const wake = (): void => {
    waiting.resolve();
    waiting = Promise.withResolvers<void>();
  };
  return {
    append: (body) => {
      if (closed) return;
      lastId += 1;
      events.push({ id: lastId, atMs: nowMs(), ...body });
      // Half of them at once, so that appending costs O(1) over time.
      if (events.length > maxEvents) events = events.slice(-Math.ceil(maxEvents / 2));
      wake();
    },
    after: (id) => {
      const first = events[0]?.id ?? lastId + 1;
      const kept = events.slice(Math.max(0, id + 1 - first));
      // A client that names an id of the future follows some other run: it begins anew.
      return id > lastId ? { events, missed: first > 1 } : { events: kept, missed: id + 1 < first };
    },
    close: () => {
      closed = true;
      wake();
    },
    closed: () => closed,
    changed: () => waiting.promise,
  };
}
