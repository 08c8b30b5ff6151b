/** Where an HTTP server begins to be heard. */

import type { Server } from "node:http";

export function listenAt(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error: NodeJS.ErrnoException) => {
    const why = error.code === "EADDRINUSE" ? "the port is taken" : (error.code ?? error.message);
    reject(new Error(`cannot listen on ${host}:${port}: ${why}`));
  });
  server.listen(port, host, resolve);
  return promise;
}
