/**
 * Where the live journal goes: to a file that is changed for a new one when it is full, and to whoever follows it. Records are
 * gathered and turned into lines in batches, outside the path of a call.
 */

import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { encodeRecord } from "../../journal/append.ts";
import type { JournalHeader } from "../../journal/journal.ts";
import type { JournalEvent } from "../../model/event.ts";
import type { JournalConfig } from "../config/config.ts";

/** Gathered at most so long, and so many. */
const gatherMs = 20;
const mostGathered = 4096;

export type FeedOptions = {
  readonly config: JournalConfig;
  /** The header that a journal which begins now has. */
  readonly header: (firstSequence?: number) => JournalHeader;
  /** What is open now, for a file that goes on from a full one. Uses up positions. */
  readonly prelude: () => readonly JournalEvent[];
  /** Position of the record that comes next. */
  readonly nextSequence: () => number;
  readonly onFault: (error: unknown) => void;
};

export class JournalFeed {
  readonly #options: FeedOptions;
  readonly #followers = new Set<(lines: string) => void>();
  #gathered: JournalEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #file: number | undefined;
  #fileBytes = 0;
  #fullBytes = Infinity;
  /** All that was written since the start. */
  writtenBytes = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
    if (options.config.path !== undefined) this.#open(encodeRecord(options.header()));
  }

  see = (event: JournalEvent): void => {
    if (this.#file === undefined && this.#followers.size === 0) return;
    this.#gathered.push(event);
    if (this.#gathered.length >= mostGathered) this.#write();
    else this.#timer ??= setTimeout(() => this.flush(), gatherMs);
  };

  /** Calls `follower` with whole lines from now on. Returns how to stop. */
  follow(follower: (lines: string) => void): () => void {
    this.flush();
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Not to be called within a moment: a new file may begin here. */
  flush(): void {
    this.#write();
    if (this.#file !== undefined && this.#fileBytes >= this.#fullBytes) this.#turnOver(this.#options.prelude());
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.length === 0) return;
    const lines = encodeAll(this.#gathered);
    this.#gathered = [];
    for (const follower of this.#followers) follower(lines);
    this.#append(lines);
  }

  /** Begins a new file with these records: the cluster is another. */
  turnOver(prelude: readonly JournalEvent[]): void {
    this.#write();
    if (this.#file !== undefined) this.#turnOver(prelude);
  }

  #turnOver(prelude: readonly JournalEvent[]): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    let lines = encodeRecord(this.#options.header(prelude[0]?.sequence ?? this.#options.nextSequence()));
    for (const event of prelude) lines += encodeRecord(event);
    try {
      this.#open(lines);
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  #open(firstLines: string): void {
    const { path, keep, maxBytes } = this.#options.config;
    if (path === undefined) return;
    mkdirSync(dirname(path), { recursive: true });
    shift(path, keep);
    this.#file = openSync(path, "wx", 0o600);
    this.#fileBytes = 0;
    this.#append(firstLines);
    // Or else one file after another is filled by what is open alone.
    this.#fullBytes = Math.max(maxBytes, 2 * this.#fileBytes);
  }

  /** Into the page cache, so it costs what copying costs. */
  #append(lines: string): void {
    if (this.#file === undefined) return;
    const bytes = Buffer.from(lines);
    this.#fileBytes += bytes.length;
    this.writtenBytes += bytes.length;
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
    } catch (error) {
      // A journal that cannot be written does not stop the traffic: it is said once, and no more is written.
      closeSync(this.#file);
      this.#file = undefined;
      this.#options.onFault(error);
    }
  }

  close(): void {
    this.#write();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** In one go, which takes two thirds of the time. Between quotes a quote is escaped, so what is replaced stands between records only. */
function encodeAll(events: readonly JournalEvent[]): string {
  return `${JSON.stringify(events).slice(1, -1).replaceAll('},{"atUs":', '}\n{"atUs":')}\n`;
}

/** `journal.ndjson` becomes `journal.1.ndjson`, that one `journal.2.ndjson`, and so on; the oldest goes. */
function shift(path: string, keep: number): void {
  const name = (age: number): string => (age === 0 ? path : path.replace(/(\.ndjson)?$/, `.${age}$1`));
  if (!existsSync(path)) return;
  rmSync(name(keep), { force: true });
  for (let age = keep - 1; age >= 0; age--) if (existsSync(name(age))) renameSync(name(age), name(age + 1));
  rmSync(name(keep + 1), { force: true });
}
