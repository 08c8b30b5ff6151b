/** The last segments of a journal that another process has written, newest first. */

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { JournalVerbs, SegmentRow } from "../../store/store.ts";
import { agedPath } from "./journal-files.ts";

/** At most so many of them; one that is too large to be read at a start breaks off with an error. */
export type JournalSource = () => AsyncIterable<JournalPiece>;

export type JournalPiece = { readonly name: string; readonly lines: AsyncIterable<string> };

const mostSegments = 2;
/** Of one segment. */
const mostBytes = 64 * 2 ** 20;

export function journalFiles(path: string): JournalSource {
  return async function* () {
    for (let age = 0; age < mostSegments; age++) {
      const name = agedPath(path, age);
      const bytes = await sizeOf(name);
      if (bytes > 0) yield { name, lines: readFile(name, bytes) };
    }
  };
}

export function journalSegments(store: Pick<JournalVerbs, "listSegments" | "readBlock">): JournalSource {
  return async function* () {
    const written = (await store.listSegments()).filter(({ blocks }) => blocks > 0);
    for (const row of written.slice(-mostSegments).toReversed())
      yield { name: `segment ${row.segment} of the journal`, lines: readSegment(store, row) };
  };
}

async function* readFile(path: string, bytes: number): AsyncIterable<string> {
  yield* createReadStream(path, {
    encoding: "utf8",
    highWaterMark: 2 ** 18,
    end: mostBytes - 1,
  }) as AsyncIterable<string>;
  if (bytes > mostBytes) throw tooLarge(bytes);
}

async function* readSegment(
  { readBlock }: Pick<JournalVerbs, "readBlock">,
  { segment, blocks, bytes }: SegmentRow,
): AsyncIterable<string> {
  let read = 0;
  for (let index = 0; index < blocks; index++) {
    const lines = await readBlock(segment, index);
    if (lines === undefined) throw new Error(`block ${index} of ${blocks} is not there`);
    if ((read += lines.length) > mostBytes) throw tooLarge(bytes);
    yield lines;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

function tooLarge(bytes: number): Error {
  return new Error(`it has ${bytes} bytes, of which the first ${mostBytes} are read at a start`);
}
