/** The whole body of a request, bounded in size, alone and with all others; how long it may take is the server's to bound. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { hasMoreThan } from "../../wire/json-size.ts";
import type { CallFault } from "../call/call.ts";
import type { LimitsConfig } from "../config/config.ts";

export type Body = { readonly bytes: Buffer } | { readonly fault: CallFault };

type Limits = Pick<LimitsConfig, "bodyBytes" | "heldBytes" | "bodyValues">;

/** Calls back once, or never if the client goes before its body is whole. */
export type ReadBody = (request: IncomingMessage, response: ServerResponse, onBody: (body: Body) => void) => void;

/** What has come of a body is held until its request is answered. */
export function createReadBody(limits: () => Limits): ReadBody {
  let heldBytes = 0;
  return (request, response, onBody) => {
    let own = 0;
    response.once("close", () => (heldBytes -= own));
    const hold = (bytes: number): boolean => {
      if (heldBytes + bytes > limits().heldBytes) return false;
      own += bytes;
      heldBytes += bytes;
      return true;
    };
    read(request, response, limits(), hold, onBody);
  };
}

function read(
  request: IncomingMessage,
  response: ServerResponse,
  { bodyBytes: maxBytes, bodyValues }: Limits,
  hold: (bytes: number) => boolean,
  onBody: (body: Body) => void,
): void {
  const { "content-length": declared, "content-encoding": encoding, expect } = request.headers;
  if (declared !== undefined && Number(declared) > maxBytes) return onBody({ fault: tooLarge(maxBytes) });
  if (encoding !== undefined && encoding !== "identity") return onBody({ fault: encoded });
  if (expect !== undefined) goOn(response);
  let first: Buffer | undefined;
  let chunks: Buffer[] | undefined;
  let bytes = 0;
  let over = false;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (over) return;
    if (bytes > maxBytes || !hold(chunk.length)) {
      over = true;
      chunks = undefined;
      first = undefined;
      return onBody({ fault: bytes > maxBytes ? tooLarge(maxBytes) : tooMuchHeld });
    }
    if (first === undefined) first = chunk;
    else (chunks ??= [first]).push(chunk);
  });
  request.on("end", () => {
    if (over || response.destroyed) return;
    const whole = chunks === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(chunks, bytes);
    // Whoever parses it does nothing else meanwhile.
    onBody(hasMoreThan(bodyValues, whole) ? { fault: tooManyValues(bodyValues) } : { bytes: whole });
  });
}

/** Until it is told to go on, such a client may send the body or another request: only a close tells which. */
export function holdBack(response: ServerResponse): void {
  response.setHeader("connection", "close");
}

function goOn(response: ServerResponse): void {
  response.removeHeader("connection");
  response.writeContinue();
}

const encoded: CallFault = {
  status: 415,
  type: "invalid_request_error",
  code: "unsupported_content_encoding",
  message: "The body must be sent as it is: the gateway takes no compressed ones.",
};

const tooMuchHeld: CallFault = {
  status: 503,
  type: "server_error",
  code: "bodies_too_large",
  message: "The bodies of all calls that are open take as much memory as they may.",
  retryAfterS: 1,
};

function tooLarge(maxBytes: number): CallFault {
  return {
    status: 413,
    type: "invalid_request_error",
    code: "body_too_large",
    message: `The body is larger than ${maxBytes} bytes.`,
  };
}

function tooManyValues(most: number): CallFault {
  return {
    status: 413,
    type: "invalid_request_error",
    code: "too_many_values",
    message: `The body has more than ${most} objects, lists and keys.`,
  };
}
