/** An engine that answers calls as a test says, byte by byte if need be, and remembers what it was sent. */

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createRawServer, type AddressInfo, type Socket } from "node:net";
import { model } from "./gateway.ts";

export type Received = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

export type ScriptedEngine = AsyncDisposable & { readonly url: string; readonly received: Received[] };

export async function scriptEngine(
  answer: (response: ServerResponse, received: Received, request: IncomingMessage) => void,
): Promise<ScriptedEngine> {
  const received: Received[] = [];
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      if (method === "GET") return void response.end(JSON.stringify({ object: "list", data: [{ id: model }] }));
      const one = { method, path, headers, body: Buffer.concat(chunks) };
      received.push(one);
      answer(response, one, request);
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((done) => void server.close(done));
    },
  };
}

/** Says to each call exactly these bytes; to looks an ordinary answer. */
export async function rawEngine(
  answer: (socket: Socket, call: number) => void,
): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>();
  let calls = 0;
  const listed = JSON.stringify({ object: "list", data: [{ id: model }] });
  const server = createRawServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    let said = "";
    socket.on("data", (chunk: Buffer) => {
      said += chunk.toString("latin1");
      for (;;) {
        const end = said.indexOf("\r\n\r\n");
        if (end < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(said.slice(0, end))?.[1] ?? 0);
        if (said.length < end + 4 + length) return;
        const isCall = said.startsWith("POST");
        said = said.slice(end + 4 + length);
        if (isCall) answer(socket, calls++);
        else socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${listed.length}\r\n\r\n${listed}`);
      }
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => void server.close(done));
    },
  };
}
