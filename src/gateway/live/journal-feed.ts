/**
 * Where the live journal goes: to a sink, segment after segment, and to whoever follows it. Records are gathered and turned into
 * lines in batches, outside the path of a call.
 */

import { encodeRecord } from "../../journal/append.ts";
import type { JournalHeader } from "../../journal/journal.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { JournalSink } from "./journal-sink.ts";
import type { Time, Timer } from "./time.ts";

/** Gathered at most so long, and so many. */
const gatherMs = 20;
const mostGathered = 4096;

export type FeedOptions = {
  readonly time: Time;
  readonly sink: JournalSink;
  /** The header that a journal which begins now has. */
  readonly header: (firstSequence?: number) => JournalHeader;
  /** What is open now, for a segment that goes on from a full one. Uses up positions. */
  readonly prelude: () => readonly JournalEvent[];
  /** Position of the record that comes next. */
  readonly nextSequence: () => number;
  readonly onFault: (error: unknown) => void;
};

export class JournalFeed {
  readonly #options: FeedOptions;
  readonly #sink: JournalSink;
  readonly #followers = new Set<(lines: string) => void>();
  #gathered: JournalEvent[] = [];
  #timer: Timer | undefined;
  /** The header of a segment that begins with what has been gathered so far: all of it is to be there, or nothing. */
  #opening: string | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#sink = options.sink;
    this.#opening = encodeRecord(options.header());
  }

  /** Whether what happens is written down. */
  get takes(): boolean {
    return this.#opening !== undefined || this.#sink.takes;
  }

  see = (event: JournalEvent): void => {
    const { takes, due } = this.#sink;
    if (!takes && !due && this.#opening === undefined && this.#followers.size === 0) return;
    this.#gathered.push(event);
    if (this.#opening !== undefined) return;
    if (this.#gathered.length >= mostGathered) this.#write();
    else this.#timer ??= this.#options.time.after(gatherMs, () => this.flush());
  };

  /** Begins the first segment, with what has happened until now. Throws if that cannot be. */
  open(): void {
    const lines = `${this.#opening}${encodeAll(this.#gathered)}`;
    this.#opening = undefined;
    this.#gathered = [];
    this.#sink.begin(lines);
  }

  /** Calls `follower` with whole lines from now on. Returns how to stop. */
  follow(follower: (lines: string) => void): () => void {
    this.flush();
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Not to be called within a moment: a new segment may begin here. */
  flush(): void {
    this.#write();
    if (this.#sink.due) this.#turnOver(this.#options.prelude());
  }

  #write(): void {
    this.#timer?.stop();
    this.#timer = undefined;
    if (this.#gathered.length === 0 || this.#opening !== undefined) return;
    const lines = encodeAll(this.#gathered);
    this.#gathered = [];
    for (const follower of this.#followers) follower(lines);
    this.#sink.append(lines);
  }

  /** Begins a new segment with these records: the cluster is another. */
  turnOver(prelude: readonly JournalEvent[]): void {
    this.#write();
    if (this.#sink.takes || this.#sink.due) this.#turnOver(prelude);
  }

  #turnOver(prelude: readonly JournalEvent[]): void {
    const header = this.#options.header(prelude[0]?.sequence ?? this.#options.nextSequence());
    try {
      this.#sink.begin(`${encodeRecord(header)}${encodeAll(prelude)}`);
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  async close(): Promise<void> {
    this.#write();
    await this.#sink.close();
  }
}

/** In one go, which takes two thirds of the time. Between quotes a quote is escaped, so what is replaced stands between records only. */
function encodeAll(events: readonly JournalEvent[]): string {
  if (events.length === 0) return "";
  return `${JSON.stringify(events).slice(1, -1).replaceAll('},{"atUs":', '}\n{"atUs":')}\n`;
}
