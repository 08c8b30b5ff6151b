/** Ways to spoil a journal: drop, duplicate, swap and change records. Positions are put right afterwards, so that more than those must be wrong. */

import { strict as assert } from "node:assert";
import type { Journal } from "../../src/journal/journal.ts";
import type { Engine } from "../../src/model/cluster.ts";
import type { EventKind, JournalEvent } from "../../src/model/event.ts";

export type EventOf<Kind extends EventKind> = Extract<JournalEvent, { readonly kind: Kind }>;
type Test<Kind extends EventKind> = (event: EventOf<Kind>, index: number) => boolean;

/** Index of the first record of a kind for which `test` holds, `skip` of them left out. */
export function find<Kind extends EventKind>(
  { events }: Journal,
  kind: Kind,
  test: Test<Kind> = () => true,
  skip = 0,
): number {
  let left = skip;
  const index = events.findIndex(
    (event, at) => event.kind === kind && test(event as EventOf<Kind>, at) && left-- === 0,
  );
  assert(index >= 0, `the journal has no such ${kind}`);
  return index;
}

/** The journal with other values in one record. */
export function change<Kind extends EventKind>(
  journal: Journal,
  kind: Kind,
  to: (event: EventOf<Kind>) => Partial<EventOf<Kind>>,
  test?: Test<Kind>,
): Journal {
  const index = find(journal, kind, test);
  const event = journal.events[index] as EventOf<Kind>;
  return withEvents(journal, journal.events.with(index, { ...event, ...to(event) }));
}

export function drop<Kind extends EventKind>(journal: Journal, kind: Kind, test?: Test<Kind>): Journal {
  return withEvents(journal, journal.events.toSpliced(find(journal, kind, test), 1));
}

export function duplicate<Kind extends EventKind>(journal: Journal, kind: Kind, test?: Test<Kind>): Journal {
  const index = find(journal, kind, test);
  return withEvents(journal, journal.events.toSpliced(index, 0, journal.events[index] as JournalEvent));
}

/** Puts a record in behind the record at `index`, at its time. */
export function insert(journal: Journal, index: number, ...added: readonly object[]): Journal {
  const atUs = journal.events[index]?.atUs ?? 0;
  const events = added.map((event) => ({ atUs, sequence: 0, ...event }) as JournalEvent);
  return withEvents(journal, journal.events.toSpliced(index + 1, 0, ...events));
}

/** Exchanges a record with the one behind it; each keeps the time of its new place. */
export function swap<Kind extends EventKind>(journal: Journal, kind: Kind, test?: Test<Kind>): Journal {
  const index = find(journal, kind, test);
  const first = journal.events[index] as JournalEvent;
  const second = journal.events[index + 1];
  assert(second !== undefined);
  const swapped = [
    { ...second, atUs: first.atUs },
    { ...first, atUs: second.atUs },
  ];
  return withEvents(journal, journal.events.toSpliced(index, 2, ...swapped));
}

export function recordAt({ events }: Journal, index: number): JournalEvent {
  const event = events[index];
  assert(event !== undefined);
  return event;
}

/** A record that comes a microsecond late. */
export function delay<Kind extends EventKind>(journal: Journal, kind: Kind, test?: Test<Kind>): Journal {
  const index = find(journal, kind, test);
  const event = recordAt(journal, index);
  return withEvents(journal, journal.events.with(index, { ...event, atUs: event.atUs + 1 }));
}

/** The journal of another cluster, whose engines differ in this. */
export function withEngines(journal: Journal, changed: Partial<Engine>): Journal {
  const { cluster } = journal.header;
  const engines = cluster.engines.map((engine) => ({ ...engine, ...changed }));
  return { ...journal, header: { ...journal.header, cluster: { ...cluster, engines } } };
}

export function withBatching(journal: Journal, changed: object): Journal {
  const { cluster } = journal.header;
  const engines = cluster.engines.map((engine) => ({ ...engine, batching: { ...engine.batching, ...changed } }));
  return { ...journal, header: { ...journal.header, cluster: { ...cluster, engines } } };
}

/** With positions as they should be. */
export function withEvents({ header }: Journal, events: readonly JournalEvent[]): Journal {
  return { header, events: events.map((event, index) => ({ ...event, sequence: index + 1 })) };
}
