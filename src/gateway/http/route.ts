/** Where each path leads: to a call, to declared workflows, or to what can be looked at. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { CallFault, Surface } from "../call/call.ts";
import type { Keyring } from "../config/keys.ts";
import type { LimitsConfig } from "../config/config.ts";
import type { Declared } from "../declared/routes.ts";
import { whatIfPath, type WhatIf } from "../../view/what-if.ts";
import { answerFault, answerFaultEarly, guard, internalFault } from "./answer.ts";
import { askWhatIf } from "./ask-what-if.ts";
import { admitCaller } from "./caller.ts";
import { styleOf, type Calls } from "./calls.ts";
import { isLookedAt, look, notFound, type LookHost } from "./look.ts";
import { isTrustedOrigin } from "./origin.ts";
import type { ReadBody } from "./read-body.ts";

export type RouteHost = LookHost & {
  readonly listen: { readonly host: string; readonly port: number };
  readonly limits: () => LimitsConfig;
  readonly readBody: ReadBody;
  readonly keyring: () => Keyring;
  readonly calls: Calls;
  readonly declared: () => Declared;
  /** Absent where nothing can be replayed. */
  readonly whatIf?: WhatIf | undefined;
};

const surfaces: Readonly<Record<string, Surface>> = {
  "/v1/chat/completions": "chat",
  "/v1/completions": "completions",
  "/v1/embeddings": "embeddings",
  "/v1/responses": "responses",
  "/v1/messages": "messages",
};

export function route(host: RouteHost, request: IncomingMessage, response: ServerResponse): void {
  const path = pathOf(request.url ?? "/");
  const keyless = host.keyring().open || path === "/" || path === "/metrics";
  if (keyless && !isTrustedOrigin(request, host.listen.host)) return answerFault(response, untrusted);
  const surface = Object.hasOwn(surfaces, path) ? surfaces[path] : undefined;
  if (surface !== undefined && request.method === "POST") {
    const tenant = admitCaller(host.keyring(), request, response, styleOf(surface));
    if (tenant !== undefined) host.calls.handle(surface, request, response, tenant);
    return;
  }
  if (surface !== undefined) return answerFault(response, notAllowed("POST"), { allow: "POST" });
  if (path === "/v1/workflows" || path.startsWith("/v1/workflows/")) return carryOut(host, request, response);
  if (path === whatIfPath && host.whatIf !== undefined) {
    if (request.method !== "POST") return answerFault(response, notAllowed("POST"), { allow: "POST" });
    if (admitCaller(host.keyring(), request, response) === undefined) return;
    return askWhatIf(host.whatIf, request, response, host.readBody);
  }
  if (request.method === "GET" || request.method === "HEAD") return look(host, path, request, response);
  if (isLookedAt(path)) answerFault(response, notAllowed("GET"), { allow: "GET" });
  else answerFault(response, notFound(path));
}

function carryOut(host: RouteHost, request: IncomingMessage, response: ServerResponse): void {
  const tenant = admitCaller(host.keyring(), request, response);
  if (tenant === undefined) return;
  host.readBody(request, response, (body) => {
    if ("fault" in body) return answerFaultEarly(request)(response, body.fault);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const { method = "GET", url = "/", headers } = request;
    const asked = { method, path: url, headers, body: body.bytes, tenant, signal: gone.signal };
    guard(response, host.onFault, () => {
      host
        .declared()
        .handle(asked, response)
        .catch((error: unknown) => {
          host.onFault(error);
          if (response.headersSent) response.destroy();
          else answerFault(response, internalFault);
        });
    });
  });
}

/** Without the query. It is compared as it is written: a path with other spellings leads nowhere. */
function pathOf(url: string): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

const untrusted: CallFault = {
  status: 403,
  type: "permission_error",
  code: "untrusted_origin",
  message: "A page of another site, or a name that is not this machine's, may not call a gateway that asks for no key.",
};

function notAllowed(method: string): CallFault {
  return {
    status: 405,
    type: "invalid_request_error",
    code: "method_not_allowed",
    message: `Only ${method} is allowed here.`,
  };
}
