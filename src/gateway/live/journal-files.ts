/** The journal in files: one is changed for a new one when it is full, and so many full ones are kept. */

import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fullBytes, type JournalSink } from "./journal-sink.ts";

export type JournalFilesOptions = {
  readonly path: string;
  /** Of a file, before the next is begun. */
  readonly maxBytes: number;
  /** Full ones. */
  readonly keep: number;
  readonly onFault: (error: unknown) => void;
};

export class JournalFiles implements JournalSink {
  readonly #options: JournalFilesOptions;
  #file: number | undefined;
  #fileBytes = 0;
  #fullBytes = Infinity;
  writtenBytes = 0;

  constructor(options: JournalFilesOptions) {
    this.#options = options;
  }

  get takes(): boolean {
    return this.#file !== undefined;
  }

  get due(): boolean {
    return this.#file !== undefined && this.#fileBytes >= this.#fullBytes;
  }

  begin = (lines: string): void => {
    this.#close();
    const { path, keep, maxBytes } = this.#options;
    mkdirSync(dirname(path), { recursive: true });
    shift(path, keep);
    this.#file = openSync(path, "wx", 0o600);
    this.#fileBytes = 0;
    this.append(lines);
    this.#fullBytes = fullBytes(maxBytes, this.#fileBytes);
  };

  /** Into the page cache, so it costs what copying costs. */
  append = (lines: string): void => {
    if (this.#file === undefined) return;
    const bytes = Buffer.from(lines);
    this.#fileBytes += bytes.length;
    this.writtenBytes += bytes.length;
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
    } catch (error) {
      // A journal that cannot be written does not stop the traffic: it is said once, and no more is written.
      this.#close();
      this.#options.onFault(error);
    }
  };

  close = (): Promise<void> => {
    this.#close();
    return Promise.resolve();
  };

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** `journal.ndjson` becomes `journal.1.ndjson`, that one `journal.2.ndjson`, and so on; the oldest goes. */
function shift(path: string, keep: number): void {
  const name = (age: number): string => agedPath(path, age);
  if (!existsSync(path)) return;
  rmSync(name(keep), { force: true });
  for (let age = keep - 1; age >= 0; age--) if (existsSync(name(age))) renameSync(name(age), name(age + 1));
  rmSync(name(keep + 1), { force: true });
}

/** Where the journal is that was changed for a new one so many times ago. */
export function agedPath(path: string, age: number): string {
  return age === 0 ? path : path.replace(/(\.ndjson)?$/, `.${age}$1`);
}
