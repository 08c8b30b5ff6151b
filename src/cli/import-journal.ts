/** Puts a journal file into a store, as a segment behind the others. */

import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { StoreFault, type JournalVerbs } from "../store/store.ts";

/** In the newest epoch that there is, so that it is nobody's who would write on. Says which segment it is. */
export async function importJournal(store: JournalVerbs, file: string, signal: AbortSignal): Promise<number> {
  const epoch = (await store.listSegments()).at(-1)?.epoch ?? 1;
  const segment = await store.beginSegment(epoch, Date.now());
  if (segment === undefined) throw overtaken(file);
  let index = 0;
  for await (const lines of readBlocks(file)) {
    signal.throwIfAborted();
    const saved = await store.appendJournal(epoch, { segment, index, lines });
    if (saved !== "saved") throw overtaken(file);
    index++;
  }
  return segment;
}

function overtaken(file: string): StoreFault {
  return new StoreFault("unavailable", `${file}: a gateway began to plan meanwhile; import while none runs`);
}

/** Whole lines, about so many characters at a time. */
const blockLength = 2 ** 20;

async function* readBlocks(file: string): AsyncGenerator<string> {
  const bytes = createReadStream(file);
  const text = file.endsWith(".gz") ? bytes.pipe(createGunzip()) : bytes;
  let block = "";
  for await (const piece of text.setEncoding("utf8") as AsyncIterable<string>) {
    block += piece;
    const end = block.lastIndexOf("\n") + 1;
    if (block.length < blockLength || end === 0) continue;
    yield block.slice(0, end);
    block = block.slice(end);
  }
  if (block !== "") yield block;
}
