/** The whole body of a request, bounded in size; how long it may take is the server's to bound. */

import type { IncomingMessage } from "node:http";
import type { CallFault } from "../call/call.ts";

export type Body = { readonly bytes: Buffer } | { readonly fault: CallFault };

export function readBody(request: IncomingMessage, maxBytes: number, onBody: (body: Body) => void): void {
  const declared = request.headers["content-length"];
  if (declared !== undefined && Number(declared) > maxBytes) return onBody({ fault: tooLarge(maxBytes) });
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity")
    return onBody({
      fault: {
        status: 415,
        type: "invalid_request_error",
        code: "unsupported_content_encoding",
        message: "The body must be sent as it is: the gateway takes no compressed ones.",
      },
    });
  let first: Buffer | undefined;
  let chunks: Buffer[] | undefined;
  let bytes = 0;
  let over = false;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (over) return;
    if (bytes > maxBytes) {
      over = true;
      chunks = undefined;
      first = undefined;
      return onBody({ fault: tooLarge(maxBytes) });
    }
    if (first === undefined) first = chunk;
    else (chunks ??= [first]).push(chunk);
  });
  request.on("end", () => {
    if (!over) onBody({ bytes: chunks === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(chunks, bytes) });
  });
}

function tooLarge(maxBytes: number): CallFault {
  return {
    status: 413,
    type: "invalid_request_error",
    code: "body_too_large",
    message: `The body is larger than ${maxBytes} bytes.`,
  };
}
