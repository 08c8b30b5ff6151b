/** Writes a journal: whole lines only, gathered and written at once, compressed if the name ends in `.gz`. */

import { closeSync, openSync, writeSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { JournalEvent } from "../model/event.ts";
import type { JournalHeader } from "./journal.ts";

/** How much is gathered before it goes to the disk. */
const bufferCharacters = 1 << 20;

/**
 * What is written reaches the disk in whole lines: all of it once closed, the last megabyte or less missing after a crash.
 * A crash of the machine can tear the last line; the reader says so.
 */
export type JournalWriter = Disposable & {
  write(event: JournalEvent): void;
  /** Writes what is gathered. May be called again and then does nothing. */
  close(): void;
};

/** One line, its end included. */
export function encodeRecord(record: JournalHeader | JournalEvent): string {
  return `${JSON.stringify(record)}\n`;
}

/** Replaces what was at `path`. */
export function createJournalWriter(path: string, header: JournalHeader): JournalWriter {
  const compressed = path.endsWith(".gz");
  const file = openSync(path, "w");
  let lines = [encodeRecord(header)];
  let gathered = 0;
  let open = true;
  // Each flush is a gzip member of its own: members stand one behind another, and the file is sound after each.
  const flush = (): void => {
    if (lines.length === 0) return;
    const bytes = Buffer.from(lines.join(""));
    writeAll(file, compressed ? gzipSync(bytes) : bytes);
    lines = [];
    gathered = 0;
  };
  const close = (): void => {
    if (!open) return;
    open = false;
    try {
      flush();
    } finally {
      closeSync(file);
    }
  };
  return {
    write: (event) => {
      const line = encodeRecord(event);
      lines.push(line);
      gathered += line.length;
      if (gathered >= bufferCharacters) flush();
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** One call may write less than it is given. */
function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}
