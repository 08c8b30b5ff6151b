/** Lets the requests of a connection in one after another, although a client may send many without waiting for answers. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** Requests of one connection that wait for the answer before theirs; more of them, and it is closed. */
const mostWaiting = 32;

/**
 * Until its turn comes nothing is known of a request but its headers, so that one whose client goes meanwhile leaves nothing
 * behind: Node tells of the end of a connection only the answer that is under way.
 */
export function createTurnstile(next: Listener): Listener {
  const waiting = new WeakMap<Socket, number>();
  return (request, response) => {
    // An answer that may go out has its socket.
    if (response.socket !== null) return next(request, response);
    const { socket } = request;
    const count = (waiting.get(socket) ?? 0) + 1;
    if (count > mostWaiting) return void socket.destroy();
    waiting.set(socket, count);
    response.once("socket", () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
      next(request, response);
    });
  };
}
