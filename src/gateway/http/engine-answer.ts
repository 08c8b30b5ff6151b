/** What an engine's answer or silence means for a call: whose fault it is, and what the client is told. */

import type { CallFault } from "../call/call.ts";
import type { ShareFault } from "../live/driver.ts";
import { answerTimeout } from "./upstreams.ts";

/**
 * Whether a status answers the call. Success does, and so does a call that is found fault with. What is left says that this
 * engine cannot now, or that it takes us for somebody else: our key is not the client's concern.
 */
export function answersCall(status: number): boolean {
  if (status < 300) return true;
  return status >= 400 && status < 500 && !engineStatuses.has(status);
}

const engineStatuses = new Set([401, 407, 408, 425, 429]);

/** Why an exchange broke off. `started`: some of its answer has reached the client. */
export function toShareFault(
  engine: string,
  { code = "no code" }: NodeJS.ErrnoException,
  started: boolean,
): Omit<ShareFault, "retry"> {
  if (silences.has(code)) return { kind: "stalled", message: `${engine} has been silent too long` };
  if (code === answerTimeout) return { kind: "stalled", message: `${engine} took too long for its answer` };
  if (!started && code === "UND_ERR_INVALID_ARG")
    return { kind: "rejected", message: "The call has a path or a header that cannot be sent on." };
  if (!started && unreachable.has(code))
    return { kind: "unreachable", message: `${engine} does not take connections (${code})` };
  return { kind: "cut", message: `${engine} broke off (${code})` };
}

const silences = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);
const unreachable = new Set(["ECONNREFUSED", "UND_ERR_CONNECT_TIMEOUT", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND"]);

export function badGateway(message: string): CallFault {
  return { status: 502, type: "server_error", code: "engine_failed", message, retryAfterS: 1 };
}

export function badCall(message: string): CallFault {
  return { status: 400, type: "invalid_request_error", code: "invalid_request", message };
}
