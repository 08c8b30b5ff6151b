/**
 * Keeps pages of other sites away from a gateway on loopback. A browser on this machine can be made to call it by any page;
 * without a key only the names in its headers tell such a call from one of the user's own programs.
 */

import type { IncomingMessage } from "node:http";
import { isLoopback } from "../config/addresses.ts";

export function isTrustedOrigin({ headers }: Pick<IncomingMessage, "headers">, listenHost: string): boolean {
  const { host, origin } = headers;
  // A page's own calls name its site; a program's name none.
  if (origin !== undefined && !isSameHost(origin, host)) return false;
  // A name that was made to lead here, once the page is loaded. No browser leaves the host out.
  return host === undefined || !isLoopback(listenHost) || isLoopback(nameOf(host));
}

function isSameHost(origin: string, host: string | undefined): boolean {
  const url = URL.parse(origin);
  // Of `null`, and of schemes that name no host, nothing is known.
  if (url === null || url.host === "" || host === undefined) return false;
  return url.host === URL.parse(`${url.protocol}//${host}`)?.host;
}

/** Without its port, and without the dot that says that a name is whole. */
function nameOf(host: string): string {
  return host.replace(/:\d{0,5}$/, "").replace(/\.$/, "");
}
