/** Reads a journal from a file, as a whole or as a stream; a name that ends in `.gz` is compressed. */

import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import type { JournalEvent } from "../model/event.ts";
import type { Journal, JournalHeader } from "./journal.ts";
import { JournalError } from "./journal-error.ts";
import { JournalParser } from "./parse.ts";

export type JournalStream = {
  readonly header: JournalHeader;
  /** To be gone through once. Throws a `JournalError` at the first line that is not a record in its place. */
  readonly events: AsyncIterable<JournalEvent>;
};

export async function readJournal(path: string): Promise<Journal> {
  const { header, events } = await openJournal(path);
  const all: JournalEvent[] = [];
  for await (const event of events) all.push(event);
  return { header, events: all };
}

/** Reads the header now and the records as they are asked for, so that a journal larger than memory can be gone through. */
export function openJournal(path: string): Promise<JournalStream> {
  const file = createReadStream(path, { highWaterMark: 1 << 18 });
  if (!path.endsWith(".gz")) return parseChunks(path, file);
  const unpacked = createGunzip();
  file.on("error", (error) => unpacked.destroy(error));
  return parseChunks(path, file.pipe(unpacked));
}

/** Parses bytes as they come; `name` stands in messages. */
export async function parseChunks(name: string, chunks: AsyncIterable<Uint8Array>): Promise<JournalStream> {
  const batches = parseBatches(name, chunks);
  const first = await batches.next();
  if (first.done === true) throw new JournalError(name, 1, "nothing", "the header of a journal");
  const { header, events } = first.value;
  return { header, events: flatten(events, batches) };
}

type Batch = { readonly header: JournalHeader; readonly events: readonly JournalEvent[] };

async function* flatten(first: readonly JournalEvent[], rest: AsyncGenerator<Batch>): AsyncGenerator<JournalEvent> {
  yield* first;
  for await (const { events } of rest) yield* events;
}

/** The records of each chunk, from the one that completes the header on. */
async function* parseBatches(name: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Batch> {
  const parser = new JournalParser(name);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    for await (const chunk of chunks) {
      const batch = parsePiece(parser, decoder.decode(chunk, { stream: true }));
      if (batch !== undefined) yield batch;
    }
    const batch = parsePiece(parser, decoder.decode());
    if (batch !== undefined) yield batch;
  } catch (error) {
    throw toJournalError(parser, name, error);
  }
  parser.end();
}

function parsePiece(parser: JournalParser, piece: string): Batch | undefined {
  const events: JournalEvent[] = [];
  parser.feed(piece, (event) => events.push(event));
  return parser.header === undefined ? undefined : { header: parser.header, events };
}

/** The world's mistakes on the way from the disk: no such file, torn compression, bytes that are no text. */
function toJournalError(parser: JournalParser, name: string, error: unknown): JournalError {
  if (error instanceof JournalError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT") return new JournalError(name, 0, "no such file", "a journal");
  if (code === "EISDIR") return new JournalError(name, 0, "a directory", "a journal");
  if (code === "EACCES") return new JournalError(name, 0, "no permission to read it", "a journal that can be read");
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA")
    return new JournalError(name, parser.line + 1, "bytes that are no UTF-8", "text");
  if (code.startsWith("Z_"))
    return new JournalError(name, parser.line + 1, "compressed data that break off or are damaged", "gzip");
  if (code === "") throw error;
  return new JournalError(name, 0, code, "a journal that can be read");
}
