/**
 * An OpenAI server that does no work: a fixed answer, or numbered chunks on a common beat. HTTP/1.1 by hand over raw sockets,
 * so that it costs a small part of what stands before it. It reads of a request what it needs and trusts the rest.
 */

import { createServer, type AddressInfo, type Socket } from "node:net";
import { answer, beatMs, models, streamChunks } from "./wire.ts";

/** Health and metrics: there is nothing to say. */
const plain = Buffer.from("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n\r\n");
const headEnd = Buffer.from("\r\n\r\n");
/** Parameters stand within the first bytes of a body, whatever length the prompt has. */
const telling = 512;
/** Ports, each of which stands for one. */
const engines = 4;

type Reading = {
  /** Of the head, while it is incomplete. */
  head: Buffer | undefined;
  path: string;
  bodyLeft: number;
  /** Beginning of the body. */
  body: Buffer;
};

type Streaming = { readonly socket: Socket; readonly chunks: readonly Buffer[]; at: number };

const streams = new Set<Streaming>();
setInterval(() => {
  for (const stream of streams) {
    stream.socket.write(stream.chunks[stream.at] as Buffer);
    stream.at += 1;
    if (stream.at === stream.chunks.length) streams.delete(stream);
  }
}, beatMs).unref();

const serve = async (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer({ noDelay: true }, welcome);
    server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => resolve((server.address() as AddressInfo).port));
  });
const ports = await Promise.all(Array.from({ length: engines }, serve));
process.stdout.write(`listening ${ports.join(" ")}\n`);

function welcome(socket: Socket): void {
  const reading: Reading = { head: undefined, path: "", bodyLeft: 0, body: Buffer.alloc(0) };
  socket.on("data", (piece: Buffer) => read(socket, reading, piece));
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    for (const stream of streams) if (stream.socket === socket) streams.delete(stream);
  });
}

function read(socket: Socket, reading: Reading, piece: Buffer): void {
  let rest = piece;
  while (rest.length > 0) {
    if (reading.bodyLeft === 0) {
      const head = reading.head === undefined ? rest : Buffer.concat([reading.head, rest]);
      const end = head.indexOf(headEnd);
      reading.head = end === -1 ? head : undefined;
      if (end === -1) return;
      rest = head.subarray(end + headEnd.length);
      beginBody(reading, head.toString("latin1", 0, end + 2));
    }
    const taken = Math.min(rest.length, reading.bodyLeft);
    if (reading.body.length < telling)
      reading.body = Buffer.concat([reading.body, rest.subarray(0, Math.min(taken, telling))]);
    rest = rest.subarray(taken);
    reading.bodyLeft -= taken;
    if (reading.bodyLeft === 0) reply(socket, reading);
  }
}

function beginBody(reading: Reading, head: string): void {
  reading.path = head.slice(head.indexOf(" ") + 1, head.indexOf(" ", head.indexOf(" ") + 1));
  reading.bodyLeft = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  reading.body = Buffer.alloc(0);
  if (/\r\ntransfer-encoding:/i.test(head)) throw new Error("the mock server reads bodies of known length only");
}

function reply(socket: Socket, { path, body }: Reading): void {
  if (path.startsWith("/v1/models")) socket.write(models);
  else if (!path.startsWith("/v1/")) socket.write(plain);
  else if (!body.includes('"stream":true')) socket.write(answer);
  else streams.add({ socket, chunks: streamChunks(body.toString("latin1")), at: 0 });
}
