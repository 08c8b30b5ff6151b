/** The listener of an emulated engine: it can go and come back on the same port, and takes all its connections along. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Listener = {
  readonly port: () => number;
  readonly listen: () => Promise<void>;
  /** Resets every connection. */
  readonly close: () => Promise<void>;
};

export function createListener(
  host: string,
  port: number,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Listener {
  let server: Server | undefined;
  let taken = port;
  return {
    port: () => taken,
    listen: () =>
      new Promise((resolve, reject) => {
        const next = createServer({ keepAliveTimeout: 60_000 }, answer);
        next.once("error", reject);
        next.listen(taken, host, () => {
          next.off("error", reject);
          taken = (next.address() as AddressInfo).port;
          server = next;
          resolve();
        });
      }),
    close: () =>
      new Promise((resolve) => {
        const last = server;
        server = undefined;
        if (last === undefined) return resolve();
        last.close(() => resolve());
        last.closeAllConnections();
      }),
  };
}
