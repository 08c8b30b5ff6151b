/**
 * Unpacks gzip with what a browser has. A journal is written as one gzip member behind another, and a browser unpacks only one: the file is
 * taken apart where a member begins as the first one does.
 */

/** Two of identity, method, flags, four of time, two of level and system. */
const headBytes = 10;
const pieceBytes = 1 << 20;

export async function* unzip(file: Blob): AsyncGenerator<Uint8Array> {
  const head = new Uint8Array(await file.slice(0, headBytes).arrayBuffer());
  let begin = 0;
  for (let at = 0; at < file.size; at += pieceBytes) {
    // A beginning may lie across two pieces.
    const piece = new Uint8Array(await file.slice(at, at + pieceBytes + headBytes - 1).arrayBuffer());
    for (const found of findAll(piece, head)) {
      const next = at + found;
      if (next <= begin) continue;
      yield* unpack(file.slice(begin, next));
      begin = next;
    }
  }
  yield* unpack(file.slice(begin));
}

function* findAll(bytes: Uint8Array, head: Uint8Array): Generator<number> {
  for (let at = bytes.indexOf(head[0] ?? 0); at >= 0; at = bytes.indexOf(head[0] ?? 0, at + 1))
    if (head.every((byte, index) => bytes[at + index] === byte)) yield at;
}

async function* unpack(member: Blob): AsyncGenerator<Uint8Array> {
  const reader = member.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
