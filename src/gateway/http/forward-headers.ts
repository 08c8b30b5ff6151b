/** Which headers cross the gateway: from a client to an engine, and from an engine to a client. */

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { isIdentityHeader } from "../call/forwarded-headers.ts";

/** Belongs to one connection. */
const hopByHop = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Between the client and the gateway alone: how the body came, and what the client proves itself with. */
const endsHere = new Set([
  ...hopByHop,
  "host",
  "content-length",
  "content-type",
  "expect",
  "authorization",
  "x-api-key",
  "api-key",
  "cookie",
  "accept-encoding",
  "forwarded",
  "idempotency-key",
  // Frameworks read another method or path from these.
  "x-http-method-override",
  "x-original-url",
  "x-rewrite-url",
  "x-real-ip",
]);

/** Ours to say, and whom the call came by: the engine's client is the gateway. */
const ourPrefixes = ["x-fate-", "x-forwarded-"];

/** Between the engine and the gateway alone: what it wants of whoever proves himself, and where else it could be reached. */
const staysHere = new Set([...hopByHop, "set-cookie", "www-authenticate", "alt-svc", "location"]);

/** What an engine is sent of a client's headers. */
export function toEngineHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const forwarded: Record<string, string> = {};
  const named = namedByConnection(headers.connection);
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || endsHere.has(name) || named?.has(name) === true || isIdentityHeader(name)) continue;
    if (ourPrefixes.some((prefix) => name.startsWith(prefix))) continue;
    forwarded[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return forwarded;
}

/** What a client is sent of an engine's. `x-fate-` is ours to say, and so is which sites' pages may read an answer. */
export function toClientHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const answered: OutgoingHttpHeaders = {};
  const named = namedByConnection(headers.connection);
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || staysHere.has(name) || named?.has(name) === true) continue;
    if (name.startsWith("x-fate-") || name.startsWith("access-control-") || !canBeSent(value)) continue;
    answered[name] = value;
  }
  return answered;
}

/** What `connection` names belongs to the connection too. */
function namedByConnection(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return undefined;
  const names = connection.toLowerCase().split(",");
  return new Set(names.map((name) => name.trim()));
}

/** Bytes that HTTP does not allow in a value would stop the whole answer. */
function canBeSent(value: string | string[]): boolean {
  // oxlint-disable-next-line no-control-regex
  const forbidden = /[^\t\x20-\x7e\x80-\xff]/;
  return Array.isArray(value) ? !value.some((each) => forbidden.test(each)) : !forbidden.test(value);
}
