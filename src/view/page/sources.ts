/** Where journals come from: a running gateway, the server of the viewer, and files that are dropped or chosen. */

import type { JournalHeader } from "../../journal/journal.ts";
import { JournalParser } from "../../journal/parse.ts";
import type { JournalEvent } from "../../model/event.ts";
import { createRenumber } from "../renumber.ts";
import { unzip } from "../unzip.ts";

export type Sink = {
  /** Once, before any record. */
  readonly begin: (header: JournalHeader) => void;
  readonly see: (event: JournalEvent) => void;
  /** Some records are in. */
  readonly pause: () => void;
};

/** Longer than this nothing else on the page would move. */
const workMs = 24;

/** Reads a journal to its end, in pieces, letting the page go on between them. */
async function readPieces(
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  sink: Sink,
  change = (text: string) => text,
): Promise<void> {
  const parser = new JournalParser(name);
  const decoder = new TextDecoder();
  let begun = false;
  let sinceMs = performance.now();
  const feed = async (text: string): Promise<void> => {
    // A few hundred lines at a time, so that a long piece is no long stop.
    for (let from = 0; from < text.length;) {
      const to = from + 65_536;
      const events: JournalEvent[] = [];
      parser.feed(text.slice(from, to), (event) => events.push(event));
      from = to;
      if (!begun && parser.header !== undefined) {
        begun = true;
        sink.begin(parser.header);
      }
      for (const event of events) sink.see(event);
      if (performance.now() - sinceMs < workMs) continue;
      sink.pause();
      await new Promise((resolve) => setTimeout(resolve));
      sinceMs = performance.now();
    }
    if (begun) sink.pause();
  };
  for await (const piece of pieces) await feed(change(decoder.decode(piece, { stream: true })));
  await feed(change(decoder.decode()));
  parser.end();
}

export async function readFile(file: File, sink: Sink): Promise<void> {
  const pieces = file.name.endsWith(".gz") ? unzip(file) : iterate(file.stream());
  await readPieces(file.name, pieces, sink);
}

export async function readUrl(name: string, url: string, sink: Sink, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, { cache: "no-store", signal });
  if (!response.ok || response.body === null)
    throw new Error(`${name} is not to be had: the server answered ${response.status}`);
  await readPieces(name, iterate(response.body), sink);
}

/** The answer to whoever asks for the live journal without a key that is known. */
export class KeyWanted extends Error {}

/** Until it breaks off, which it does whenever what was told first does not hold any more. */
export async function readLive(key: string, sink: Sink, signal: AbortSignal): Promise<void> {
  const headers = key === "" ? {} : { authorization: `Bearer ${key}` };
  const response = await fetch("/fate/journal", { headers, cache: "no-store", signal });
  if (response.status === 401) throw new KeyWanted("This gateway asks for a key.");
  if (response.status === 403)
    throw new KeyWanted("This key is no operator's, and the page shows what all tenants do.");
  if (!response.ok || response.body === null) throw new Error(`the gateway answered ${response.status}`);
  await readPieces("the gateway's journal", iterate(response.body), sink, createRenumber());
}

async function* iterate(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
