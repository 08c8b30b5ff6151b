/** What happened in a run, for those who follow it: the latest events, with ids that count up within each time it was taken up. */

import type { RunEvent, RunEventBody } from "./wire.ts";

export type EventLog = {
  readonly append: (body: RunEventBody) => void;
  /**
   * Events after `id`, oldest first; or, if some of those are no longer kept or were told by who carried the run out before, the id
   * from which to go on once the client was shown how the run stands.
   */
  readonly after: (id: number) => EventsAfter;
  /** Nothing follows. */
  readonly close: () => void;
  readonly closed: () => boolean;
  /** Resolves with the next event or with the close, whichever comes first. */
  readonly changed: () => Promise<void>;
};

export type EventsAfter =
  | { readonly kind: "events"; readonly events: readonly RunEvent[] }
  | { readonly kind: "missed"; readonly goOnAfter: number };

/** Ids of the events of one generation: more than any run has. */
const idsPerGeneration = 1_000_000_000;

/** The id before the first one that may be told of the run in this generation. */
export function idBefore(generation: number): number {
  return generation * idsPerGeneration;
}

export function createEventLog(maxEvents: number, nowMs: () => number, generation: number): EventLog {
  let events: RunEvent[] = [];
  let lastId = idBefore(generation);
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
      // A client that names an id of the future follows some other run. One that was told of the end is told of it again.
      if (id + 1 < first || id > lastId) return { kind: "missed", goOnAfter: closed ? lastId - 1 : lastId };
      return { kind: "events", events: events.slice(id + 1 - first) };
    },
    close: () => {
      closed = true;
      wake();
    },
    closed: () => closed,
    changed: () => waiting.promise,
  };
}
