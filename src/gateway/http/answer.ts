/** Answers of the gateway itself: JSON, and faults in the shape that the clients of a surface know. */

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { CallFault } from "../call/call.ts";
import type { Refusal } from "../live/driver.ts";

export function answerJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  if (writeJson(response, status, value, headers)) response.end();
}

function writeJson(response: ServerResponse, status: number, value: unknown, headers: OutgoingHttpHeaders): boolean {
  if (response.destroyed || response.headersSent) return false;
  const body = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.write(body);
  return true;
}

/** `style`: whose clients read it. Anthropic's look for `type` beside the error, OpenAI's for `code` and `param` in it. */
export type FaultStyle = "openai" | "anthropic";

export type AnswerFault = (
  response: ServerResponse,
  fault: CallFault,
  headers?: OutgoingHttpHeaders,
  style?: FaultStyle,
) => void;

export function answerFault(
  response: ServerResponse,
  fault: CallFault,
  headers: OutgoingHttpHeaders = {},
  style?: FaultStyle,
): void {
  answerJson(response, fault.status, toErrorBody(fault, style), { ...headers, ...retryAfter(fault) });
}

/** How long, and how much, a client may go on sending a body that is not wanted. */
const lingerMs = 2000;
const lingerBytes = 64 * 1024 * 1024;

/**
 * Answers while the body still comes, and closes. What comes after is read and thrown away for a while: if it were left unread,
 * the client's system could drop the answer before the client has seen it.
 */
export function answerFaultEarly(request: IncomingMessage): AnswerFault {
  return (response, fault, headers, style) => {
    const closing = { ...headers, ...retryAfter(fault), connection: "close" };
    if (!writeJson(response, fault.status, toErrorBody(fault, style), closing)) return;
    const end = (): void => void response.end();
    if (request.complete) return end();
    let leftBytes = lingerBytes;
    const timer = setTimeout(end, lingerMs);
    response.once("close", () => clearTimeout(timer));
    request.once("end", end);
    request.on("data", (chunk: Buffer) => {
      leftBytes -= chunk.length;
      if (leftBytes < 0) end();
    });
  };
}

function toErrorBody({ status, type, code, param, message }: CallFault, style: FaultStyle = "openai"): object {
  if (style === "anthropic") return { type: "error", error: { type: anthropicTypes[status] ?? "api_error", message } };
  return { error: { message, type, param: param ?? null, code } };
}

const anthropicTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  405: "invalid_request_error",
  413: "request_too_large",
  415: "invalid_request_error",
  429: "rate_limit_error",
  503: "overloaded_error",
};

function retryAfter({ retryAfterS }: CallFault): OutgoingHttpHeaders {
  return retryAfterS === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfterS))) };
}

/** 429 for what more patience or fewer calls would cure, 503 for what the engines lack, 502 for what they did. */
export function faultOf({ kind, message, retryAfterS }: Refusal): CallFault {
  const status = kind === "queue-full" ? 429 : kind === "engine-failed" ? 502 : 503;
  const type = status === 429 ? "rate_limit_error" : "server_error";
  return { status, type, code: kind.replaceAll("-", "_"), message, retryAfterS };
}

/** Of ours: nothing that a client could mend. */
export const internalFault: CallFault = {
  status: 500,
  type: "server_error",
  code: "internal",
  message: "This is a fault of the gateway; its log says more.",
};

/** A mistake of ours costs the call that meets it, and nothing else. Until it returns, nobody else answers. */
export function guard(response: ServerResponse, onFault: (error: unknown) => void, act: () => void): void {
  try {
    act();
  } catch (error) {
    onFault(error);
    if (response.headersSent) response.destroy();
    else answerFault(response, internalFault);
  }
}
