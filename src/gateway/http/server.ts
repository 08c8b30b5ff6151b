/** The HTTP server: how it listens, what it bounds, and how it ends. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { AddressInfo } from "node:net";
import { listenAt } from "../../wire/listen-at.ts";
import { guard } from "./answer.ts";
import { holdBack } from "./read-body.ts";
import { route, type RouteHost } from "./route.ts";
import { createTurnstile } from "./turnstile.ts";

export type Listening = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  /** Takes no more connections; those that are open end with their answers. */
  readonly stopListening: () => void;
};

/** Connections that become something else than HTTP. */
export type Upgrade = {
  readonly wanted: (request: IncomingMessage) => boolean;
  readonly take: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
};

export async function listen(host: RouteHost, upgrade?: Upgrade): Promise<Listening> {
  const limits = host.limits();
  const admit = createTurnstile((request, response) => {
    giveUpUnread(response, host.limits().slowClientMs);
    guard(response, host.onFault, () => route(host, request, response));
  });
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.slowClientMs,
      requestTimeout: limits.slowClientMs,
      connectionsCheckingInterval: Math.min(1000, limits.slowClientMs),
      keepAliveTimeout: 75_000,
      insecureHTTPParser: false,
      noDelay: true,
      shouldUpgradeCallback: (request) => upgrade?.wanted(request) ?? false,
    },
    admit,
  );
  // What a reload changes holds from the next connection on, for those that are open too.
  server.on("connection", () => {
    const { slowClientMs } = host.limits();
    server.headersTimeout = slowClientMs;
    server.requestTimeout = slowClientMs;
  });
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    holdBack(response);
    admit(request, response);
  });
  const upgraded = new Set<Duplex>();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    upgrade?.take(request, socket, head);
  });
  server.maxConnections = limits.connections;
  await listenAt(server, host.listen);
  const { address, port } = server.address() as AddressInfo;
  const shown = address.includes(":") ? `[${address}]` : address;
  return {
    url: `http://${shown}:${port}`,
    port,
    stopListening: () => {
      server.close();
      server.closeIdleConnections();
    },
    [Symbol.asyncDispose]: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      await promise;
    },
  };
}

/** Whoever takes nothing of what waits for him has gone, whatever his connection says; who waits for us may wait. */
function giveUpUnread(response: ServerResponse, slowClientMs: number): void {
  response.setTimeout(slowClientMs, () => {
    if (response.writableLength > 0) response.destroy();
  });
}
