/** Answers of the gateway itself: JSON, and faults in OpenAI's shape. */

import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { CallFault } from "../call/call.ts";
import type { Refusal } from "../live/driver.ts";

export function answerJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  if (response.destroyed || response.headersSent) return;
  const body = JSON.stringify(value);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

export function answerFault(response: ServerResponse, fault: CallFault, headers: OutgoingHttpHeaders = {}): void {
  const { status, type, code, param, message, retryAfterS } = fault;
  answerJson(
    response,
    status,
    { error: { message, type, param: param ?? null, code } },
    {
      ...headers,
      ...(retryAfterS === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfterS))) }),
    },
  );
}

/** 429 for what more patience or fewer calls would cure, 503 for what the engines lack, 502 for what they did. */
export function faultOf({ kind, message, retryAfterS }: Refusal): CallFault {
  const status = kind === "queue-full" ? 429 : kind === "engine-failed" ? 502 : 503;
  const type = status === 429 ? "rate_limit_error" : "server_error";
  return { status, type, code: kind.replaceAll("-", "_"), message, retryAfterS };
}
