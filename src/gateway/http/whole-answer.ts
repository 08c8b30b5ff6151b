/** An engine's answer that is wanted whole, and is no longer than so many bytes. */

import type { IncomingHttpHeaders } from "node:http";
import type { Receiver } from "./upstreams.ts";

export type WholeAnswer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };

/** Calls exactly one of these, once: `onTooLong` in place of the rest, which the caller calls off. */
export type WholeReceiver = {
  readonly onWhole: (answer: WholeAnswer) => void;
  readonly onTooLong: () => void;
  /** `status` is 0 if no answer had begun. */
  readonly onError: (error: NodeJS.ErrnoException, status: number) => void;
};

export function createWholeReceiver(maxBytes: number, to: WholeReceiver): Receiver {
  const chunks: Buffer[] = [];
  let head = { status: 0, headers: {} as IncomingHttpHeaders };
  let bytes = 0;
  return {
    onHead: (status, headers) => {
      head = { status, headers };
    },
    onData: (chunk) => {
      if (bytes > maxBytes) return true;
      bytes += chunk.length;
      if (bytes > maxBytes) to.onTooLong();
      else chunks.push(chunk);
      return true;
    },
    onEnd: () => {
      if (bytes <= maxBytes) to.onWhole({ ...head, body: Buffer.concat(chunks, bytes) });
    },
    onError: (error) => {
      if (bytes <= maxBytes) to.onError(error, head.status);
    },
  };
}
