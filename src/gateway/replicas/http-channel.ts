/**
 * Channels between gateways over their HTTP ports: a request that is upgraded, and lines from then on. Who asks has the key that
 * the gateways of one group share.
 */

import { request as askPlainly, type IncomingMessage } from "node:http";
import { request as askSecurely } from "node:https";
import type { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { replicaKeyHeader, showsReplicaKey } from "../config/replica-key.ts";
import { maxLineLength, type Channel, type Connect, type Ears } from "./channel.ts";

const plannerPath = "/fate/planner";
const protocol = "fate-planner";

/** Whether the request wants a channel: any other upgrade is asked for in vain, and answered as if it had not been. */
export function wantsChannel({ url, headers }: IncomingMessage): boolean {
  return url === plannerPath && headers.upgrade?.toLowerCase() === protocol;
}

/** Lets those in who know the key. */
export function createUpgrade(key: string, accept: (channel: Channel) => void) {
  return (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on("error", () => {});
    if (!showsReplicaKey(request.headers, key)) {
      // The other side may never close its own, and no limit of the server counts any more.
      const answer = "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
      socket.end(answer, () => socket.destroy());
      return;
    }
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n\r\n`);
    accept(toChannel(socket, head));
  };
}

export function createConnect(key: string): Connect {
  return (address, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<Channel>();
    const url = new URL(plannerPath, address);
    const ask = url.protocol === "https:" ? askSecurely : askPlainly;
    const headers = { connection: "upgrade", upgrade: protocol, [replicaKeyHeader]: key };
    const request = ask(url, { headers, signal, agent: false });
    request.once("upgrade", (_response, socket, head) => resolve(toChannel(socket, head)));
    request.once("response", (response) => {
      response.destroy();
      reject(new Error(`${address} answered ${response.statusCode}`));
    });
    request.on("error", reject);
    request.end();
    return promise;
  };
}

/** Each line ends with a line feed, which JSON never contains. */
function toChannel(socket: Duplex, head: Buffer): Channel {
  const decoder = new StringDecoder("utf8");
  let ears: Ears | undefined;
  /** Of the line that has not ended yet: looked through only once, however many pieces it comes in. */
  let pieces: string[] = [];
  let pending = 0;
  let open = true;
  let corked = false;

  const close = (): void => {
    open = false;
    socket.destroy();
  };
  const gone = (): void => {
    if (!open) return;
    close();
    ears?.onClose();
  };
  const take = (bytes: Buffer): void => {
    const [first = "", ...others] = decoder.write(bytes).split("\n");
    pieces.push(first);
    pending += first.length;
    for (const next of others) {
      const line = pieces.join("");
      pieces = [next];
      pending = next.length;
      if (open) ears?.onLine(line);
    }
    if (pending > maxLineLength) gone();
  };
  const flush = (): void => {
    corked = false;
    socket.uncork();
  };

  socket.on("error", gone);
  socket.on("end", gone);
  socket.on("close", gone);
  return {
    send: (line) => {
      if (!open) return;
      // What is said at once goes out at once.
      if (!corked) {
        corked = true;
        socket.cork();
        process.nextTick(flush);
      }
      socket.write(`${line}\n`);
    },
    listen: (given) => {
      ears = given;
      if (head.length > 0) take(head);
      socket.on("data", take);
    },
    close,
    backlog: () => socket.writableLength,
  };
}
