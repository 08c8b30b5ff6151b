/**
 * A closed loop over raw sockets: so many connections, each with one request under way, the next sent as soon as the answer is whole.
 * Of an answer it reads the status and where it ends.
 */

import { connect, type Socket } from "node:net";
import { createRequests, type RequestShape, type Requests } from "./wire.ts";

export type Load = { readonly port: number; readonly connections: number; readonly request: RequestShape };
export type Until = { readonly requests: number } | { readonly ms: number };

export type LoadResult = {
  /** Of each answered request, in milliseconds, in order of their ends. */
  readonly latencies: number[];
  readonly seconds: number;
  /** Answers other than 200, and connections that broke. */
  readonly failures: number;
  /** What the first failure was. */
  readonly failure?: string;
};

/** A server that does not answer for so long has failed. */
const stallMs = 30_000;

export async function runLoad({ port, connections, request }: Load, until: Until): Promise<LoadResult> {
  const clients = await connectAll(port, connections, request);
  const latencies: number[] = [];
  const mostRequests = "requests" in until ? until.requests : Infinity;
  const startMs = performance.now();
  const endMs = "ms" in until ? startMs + until.ms : Infinity;
  let begun = 0;
  let failures = 0;
  let failure: string | undefined;

  await Promise.all(
    clients.map(
      async (client) =>
        new Promise<void>((resolve) => {
          const fail = (reason: string): void => {
            failures += 1;
            failure ??= reason;
            client.socket.destroy();
            resolve();
          };
          let sentMs = 0;
          const send = (): void => {
            sentMs = performance.now();
            if (begun >= mostRequests || sentMs >= endMs) return resolve();
            begun += 1;
            client.socket.write(client.requests.next());
          };
          const read = createReader((status) => {
            if (status !== 200) return fail(`status ${status}`);
            latencies.push(performance.now() - sentMs);
            send();
          });
          client.socket.on("data", read);
          client.socket.on("error", (error) => fail(error.message));
          client.socket.on("close", () => fail("connection closed"));
          client.socket.setTimeout(stallMs, () => fail("no answer"));
          send();
        }),
    ),
  );
  const seconds = (performance.now() - startMs) / 1000;
  for (const { socket } of clients)
    socket
      .removeAllListeners()
      .on("error", () => {})
      .destroy();
  return { latencies, seconds, failures, ...(failure !== undefined && { failure }) };
}

export type Client = { readonly socket: Socket; readonly requests: Requests };

/** In waves, so that no queue of connections to be accepted runs over. */
export async function connectAll(port: number, count: number, request: RequestShape): Promise<readonly Client[]> {
  const clients: Client[] = [];
  while (clients.length < count) {
    const wave = Array.from({ length: Math.min(100, count - clients.length) }, async (_, index) => {
      const socket = await connectOne(port);
      return { socket, requests: createRequests(clients.length + index, request) };
    });
    clients.push(...(await Promise.all(wave)));
  }
  return clients;
}

async function connectOne(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => {
      socket.removeListener("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

const headEnd = Buffer.from("\r\n\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

/** Calls back at the end of each answer. An answer begins at a piece's beginning: there is one request under way. */
function createReader(onEnd: (status: number) => void): (piece: Buffer) => void {
  let head: Buffer | undefined;
  let status = 0;
  /** Of the body; undefined between answers, Infinity with chunks. */
  let left: number | undefined;
  /** The last bytes seen of a body in chunks. */
  let tail: Buffer = Buffer.alloc(0);
  return (piece) => {
    let body = piece;
    if (left === undefined) {
      head = head === undefined ? piece : Buffer.concat([head, piece]);
      const end = head.indexOf(headEnd);
      if (end === -1) return;
      const text = head.toString("latin1", 0, end);
      status = Number(text.slice(9, 12));
      left = /\r\ntransfer-encoding: *chunked/i.test(text)
        ? Infinity
        : Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? 0);
      body = head.subarray(end + headEnd.length);
      head = undefined;
      tail = Buffer.alloc(0);
    }
    left -= body.length;
    if (left === Infinity) {
      // JSON and events hold no line that is a bare 0, so that the end cannot be mistaken.
      tail = Buffer.concat([tail, body]).subarray(-lastChunk.length);
      if (tail.equals(lastChunk)) left = 0;
    }
    if (left > 0) return;
    left = undefined;
    onEnd(status);
  };
}
