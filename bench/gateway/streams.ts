/** Many streams at once, each compared byte by byte with what the mock server sent. */

import { connectAll, type Client } from "./load.ts";
import { beatMs, streamEvents, type RequestShape } from "./wire.ts";

export type StreamsResult = {
  readonly streams: number;
  /** Those that delivered every byte in order. */
  readonly whole: number;
  /** Open at one moment, with their first bytes delivered and their last ones not. */
  readonly mostOpen: number;
  readonly firstByteMs: readonly number[];
  /** From the first byte of a stream to its last. */
  readonly lengthMs: readonly number[];
  /** What the first stream that was not whole had instead. */
  readonly fault?: string;
};

const chunks = 60;
const stallMs = 30_000;

export async function runStreams(
  port: number,
  streams: number,
  headers: RequestShape["headers"],
): Promise<StreamsResult> {
  const clients = await connectAll(port, streams, { headers, promptBytes: 1000, run: 0, chunks });
  let open = 0;
  let mostOpen = 0;
  const count = (change: 1 | -1): void => {
    open += change;
    mostOpen = Math.max(mostOpen, open);
  };
  const ends = await Promise.all(clients.map(async (client, index) => follow(client, index, count)));
  const faults = ends.flatMap(({ fault }) => fault ?? []);
  return {
    streams,
    whole: streams - faults.length,
    mostOpen,
    firstByteMs: ends.map(({ firstByteMs }) => firstByteMs),
    lengthMs: ends.map(({ lengthMs }) => lengthMs),
    ...(faults[0] !== undefined && { fault: faults[0] }),
  };
}

/** How long a stream lasts if nothing holds it up. */
export const idealMs = (chunks + 1) * beatMs;

type Followed = { readonly firstByteMs: number; readonly lengthMs: number; readonly fault?: string };

async function follow({ socket, requests }: Client, seed: number, count: (change: 1 | -1) => void): Promise<Followed> {
  const expected = streamEvents(seed, chunks).join("");
  const sentMs = performance.now();
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let firstMs = 0;
    const finish = (fault?: string): void => {
      if (firstMs !== 0) count(-1);
      socket.removeAllListeners().on("error", () => {});
      socket.destroy();
      const lengthMs = performance.now() - firstMs;
      resolve({ firstByteMs: firstMs - sentMs, lengthMs, ...(fault !== undefined && { fault }) });
    };
    socket.on("data", (piece: Buffer) => {
      if (firstMs === 0) {
        firstMs = performance.now();
        count(1);
        if (!piece.toString("latin1").startsWith("HTTP/1.1 200")) return finish(piece.toString("latin1").slice(0, 400));
      }
      pieces.push(piece);
      if (piece.subarray(-5).toString("latin1") !== "0\r\n\r\n" && !isShortEnd(pieces)) return;
      finish(compare(Buffer.concat(pieces).toString("latin1"), expected));
    });
    socket.on("close", () => finish("the connection was closed"));
    socket.on("error", (error) => finish(error.message));
    socket.setTimeout(stallMs, () => finish("nothing came any more"));
    socket.write(requests.next());
  });
}

/** The end of an answer can come in two pieces. */
function isShortEnd(pieces: readonly Buffer[]): boolean {
  return (
    (pieces.at(-1)?.length ?? 0) < 5 && Buffer.concat(pieces.slice(-3)).subarray(-5).toString("latin1") === "0\r\n\r\n"
  );
}

function compare(text: string, expected: string): string | undefined {
  const [, ...rest] = text.split("\r\n\r\n");
  const body = joinChunks(rest.join("\r\n\r\n"));
  if (body === expected) return undefined;
  let same = 0;
  while (body[same] === expected[same]) same += 1;
  return `from byte ${same} on, of ${expected.length}: ${JSON.stringify(body.slice(same, same + 200))}`;
}

/** Takes the framing of transfer-encoding chunked away. */
function joinChunks(framed: string): string {
  let body = "";
  for (let at = 0; at < framed.length;) {
    const lineEnd = framed.indexOf("\r\n", at);
    const length = Number.parseInt(framed.slice(at, lineEnd), 16);
    if (!(length > 0)) break;
    body += framed.slice(lineEnd + 2, lineEnd + 2 + length);
    at = lineEnd + 2 + length + 2;
  }
  return body;
}
