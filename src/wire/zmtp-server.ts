/** Listens for ZMTP connections, up to a number of them: what PUB and ROUTER have in common. */

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { ZmtpConnection, type ConnectionOptions } from "./zmtp-connection.ts";

export type ListenOptions = {
  /** 127.0.0.1 unless said. */
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly maxConnections?: number;
};

export type ZmtpServer = AsyncDisposable & { readonly port: number };

const defaultMaxConnections = 64;

/** `accept` says how to treat a new connection; it may use the connection from `onReady` on. */
export async function listen(
  { host = "127.0.0.1", port, maxConnections = defaultMaxConnections }: ListenOptions,
  accept: (connection: () => ZmtpConnection) => ConnectionOptions,
): Promise<ZmtpServer> {
  const open = new Set<ZmtpConnection>();
  const server = createServer((socket: Socket) => {
    const options = accept(() => connection);
    const connection: ZmtpConnection = new ZmtpConnection(socket, {
      ...options,
      onClose: (reason) => {
        open.delete(connection);
        options.onClose(reason);
      },
    });
    open.add(connection);
  });
  server.maxConnections = maxConnections;
  server.listen(port, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const connection of open) connection.close("the server stops");
      await closed;
    },
  };
}
