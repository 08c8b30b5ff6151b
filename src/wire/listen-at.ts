/** Where an HTTP server begins to be heard. */

import type { Server } from "node:http";

/** Whoever says where to listen has to say something else. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

const reasons: { readonly [code: string]: string } = {
  EADDRINUSE: "the port is taken",
  EADDRNOTAVAIL: "no address of this machine",
  ENOTFOUND: "no address of this machine",
  EACCES: "this user may not listen there",
};

export function listenAt(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", ({ code = "", message }: NodeJS.ErrnoException) => {
    reject(new ListenError(`cannot listen on ${host}:${port}: ${reasons[code] ?? message}`));
  });
  server.listen(port, host, resolve);
  return promise;
}
