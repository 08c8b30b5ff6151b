/**
 * Keeps pages of other sites away from a gateway on loopback. A browser on this machine can be made to call it by any page;
 * without a key only the names in its headers tell such a call from one of the user's own programs.
 */

import type { IncomingMessage } from "node:http";

/** The host that was asked for last and found to be this machine: nearly always the same. */
let lastTrusted = "";

export function isTrustedOrigin({ headers }: IncomingMessage, listenHost: string): boolean {
  const { host, origin } = headers;
  // A page's own calls name its site; a program's name none.
  if (origin !== undefined && hostOf(origin) !== host) return false;
  // A name that was made to lead here, once the page is loaded.
  if (host === undefined || host === lastTrusted || !isLoopback(listenHost)) return true;
  if (!isLoopback(nameOf(host))) return false;
  lastTrusted = host;
  return true;
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}

function nameOf(host: string): string {
  const bracket = host.lastIndexOf("]");
  if (host.startsWith("[")) return host.slice(1, bracket);
  const colon = host.lastIndexOf(":");
  return colon < 0 ? host : host.slice(0, colon);
}

export function isLoopback(name: string): boolean {
  return name === "localhost" || name === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}
