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
  readonly onFault: (error: unknown) => void;
};

export class JournalFeed {
  readonly #options: FeedOptions;
  readonly #followers = new Set<(lines: string) => void>();
  #gathered: JournalEvent[] = [];
  #timer: NodeJS.Timeout | undefined;
  #file: number | undefined;
  #fileBytes = 0;
  /** All that was written since the start. */
  writtenBytes = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
    if (options.config.path !== undefined) this.#open(encodeRecord(options.header()));
  }

  see = (event: JournalEvent): void => {
    if (this.#file === undefined && this.#followers.size === 0) return;
    this.#gathered.push(event);
    if (this.#gathered.length >= mostGathered) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), gatherMs);
  };

  /** Calls `follower` with whole lines from now on. Returns how to stop. */
  follow(follower: (lines: string) => void): () => void {
    this.flush();
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#gathered.length === 0) return;
    let lines = "";
    for (const event of this.#gathered) lines += encodeRecord(event);
    this.#gathered = [];
    for (const follower of this.#followers) follower(lines);
    if (this.#file === undefined) return;
    this.#append(lines);
    if (this.#fileBytes >= this.#options.config.maxBytes) this.#turnOver();
  }

  /** Begins a new file: this one is full, or the cluster is another. */
  turnOver(): void {
    this.flush();
    if (this.#file !== undefined) this.#turnOver();
  }

  #turnOver(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    const prelude = this.#options.prelude();
    let lines = encodeRecord(this.#options.header(prelude[0]?.sequence));
    for (const event of prelude) lines += encodeRecord(event);
    this.#open(lines);
  }

  #open(firstLines: string): void {
    const { path, keep } = this.#options.config;
    if (path === undefined) return;
    mkdirSync(dirname(path), { recursive: true });
    shift(path, keep);
    this.#file = openSync(path, "wx", 0o600);
    this.#fileBytes = 0;
    this.#append(firstLines);
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
    this.flush();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** `journal.ndjson` becomes `journal.1.ndjson`, that one `journal.2.ndjson`, and so on; the oldest goes. */
function shift(path: string, keep: number): void {
  const name = (age: number): string => (age === 0 ? path : path.replace(/(\.ndjson)?$/, `.${age}$1`));
  if (!existsSync(path)) return;
  rmSync(name(keep), { force: true });
  for (let age = keep - 1; age >= 0; age--) if (existsSync(name(age))) renameSync(name(age), name(age + 1));
  rmSync(name(keep + 1), { force: true });
}
