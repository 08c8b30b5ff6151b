/** The HTTP server: who may come in, and where each path leads. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { CallFault, Surface } from "../call/call.ts";
import type { Keyring } from "../config/keys.ts";
import type { LimitsConfig } from "../config/config.ts";
import type { Declared } from "../declared/routes.ts";
import { metricsType } from "../observe/metrics.ts";
import { answerFault, answerFaultEarly, answerJson } from "./answer.ts";
import { styleOf, type Calls } from "./calls.ts";
import { isTrustedOrigin } from "./origin.ts";
import { holdBack, readBody } from "./read-body.ts";
import { createTurnstile } from "./turnstile.ts";

export type ServerHost = {
  readonly listen: { readonly host: string; readonly port: number };
  readonly limits: LimitsConfig;
  readonly keyring: () => Keyring;
  readonly calls: Calls;
  readonly declared: () => Declared;
  readonly models: () => readonly { readonly id: string; readonly contextTokens: number }[];
  readonly metrics: (() => string) | undefined;
  /** Whether calls can be served. */
  readonly isReady: () => boolean;
  readonly status: () => unknown;
  readonly page: () => string;
};

export type Listening = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  /** Takes no more connections; those that are open end with their answers. */
  readonly stopListening: () => void;
};

const surfaces: Readonly<Record<string, Surface>> = {
  "/v1/chat/completions": "chat",
  "/v1/completions": "completions",
  "/v1/embeddings": "embeddings",
  "/v1/responses": "responses",
  "/v1/messages": "messages",
};

export async function listen(host: ServerHost): Promise<Listening> {
  const { limits } = host;
  const admit = createTurnstile((request, response) => route(host, request, response));
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.slowClientMs,
      requestTimeout: limits.slowClientMs,
      connectionsCheckingInterval: Math.min(1000, limits.slowClientMs),
      keepAliveTimeout: 75_000,
      insecureHTTPParser: false,
      noDelay: true,
    },
    admit,
  );
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    holdBack(response);
    admit(request, response);
  });
  server.maxConnections = limits.connections;
  await start(server, host.listen);
  const { address, port } = server.address() as AddressInfo;
  const shown = address.includes(":") ? `[${address}]` : address;
  return {
    url: `http://${shown}:${port}`,
    port,
    stopListening: () => {
      server.close();
      server.closeIdleConnections();
    },
    [Symbol.asyncDispose]: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}

function start(server: Server, { host, port }: ServerHost["listen"]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error: NodeJS.ErrnoException) => {
    const why = error.code === "EADDRINUSE" ? "the port is taken" : (error.code ?? error.message);
    reject(new Error(`cannot listen on ${host}:${port}: ${why}`));
  });
  server.listen(port, host, resolve);
  return promise;
}

function route(host: ServerHost, request: IncomingMessage, response: ServerResponse): void {
  const path = pathOf(request.url ?? "/");
  const keyless = host.keyring().open || path === "/" || path === "/metrics";
  if (keyless && !isTrustedOrigin(request, host.listen.host)) return answerFault(response, untrusted);
  const surface = Object.hasOwn(surfaces, path) ? surfaces[path] : undefined;
  if (surface !== undefined && request.method === "POST") {
    const tenant = tenantOf(host, request, response, surface);
    if (tenant !== undefined) host.calls.handle(surface, request, response, tenant);
    return;
  }
  if (surface !== undefined) return answerFault(response, notAllowed("POST"), { allow: "POST" });
  if (path === "/v1/workflows" || path.startsWith("/v1/workflows/")) return handleDeclared(host, request, response);
  if (request.method !== "GET" && request.method !== "HEAD")
    return isKnown(path)
      ? answerFault(response, notAllowed("GET"), { allow: "GET" })
      : answerFault(response, notFound(path));
  look(host, path, request, response);
}

/** What can only be looked at. */
function look(host: ServerHost, path: string, request: IncomingMessage, response: ServerResponse): void {
  switch (path) {
    case "/":
      return answerText(response, 200, "text/html; charset=utf-8", host.page());
    case "/healthz":
      return answerText(response, 200, "text/plain", "ok\n");
    case "/readyz":
      return host.isReady()
        ? answerText(response, 200, "text/plain", "ready\n")
        : answerText(response, 503, "text/plain", "no engine is up\n");
    case "/metrics":
      if (host.metrics === undefined) return answerFault(response, notFound(path));
      return answerText(response, 200, metricsType, host.metrics());
    case "/fate/status":
      if (tenantOf(host, request, response) !== undefined) answerJson(response, 200, host.status());
      return;
    default:
  }
  if (path !== "/v1/models" && !path.startsWith("/v1/models/")) return answerFault(response, notFound(path));
  if (tenantOf(host, request, response) === undefined) return;
  const models = host.models().map(({ id, contextTokens }) => ({
    id,
    object: "model",
    created: 0,
    owned_by: "fate",
    max_model_len: contextTokens,
  }));
  if (path === "/v1/models") return answerJson(response, 200, { object: "list", data: models });
  const name = decode(path.slice("/v1/models/".length));
  const one = models.find(({ id }) => id === name);
  return one === undefined ? answerFault(response, notFound(path)) : answerJson(response, 200, one);
}

function handleDeclared(host: ServerHost, request: IncomingMessage, response: ServerResponse): void {
  const tenant = tenantOf(host, request, response);
  if (tenant === undefined) return;
  readBody(request, response, host.limits.bodyBytes, (body) => {
    if ("fault" in body) return answerFaultEarly(request)(response, body.fault);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const { method = "GET", url = "/", headers } = request;
    host
      .declared()
      .handle({ method, path: url, headers, body: body.bytes, tenant, signal: gone.signal }, response)
      .catch(() =>
        answerFault(response, {
          status: 500,
          type: "server_error",
          code: "internal",
          message: "This is a fault of the gateway; its log says more.",
        }),
      );
  });
}

/** Whose call it is; answers and returns undefined if nobody's. */
function tenantOf(
  host: ServerHost,
  { headers }: IncomingMessage,
  response: ServerResponse,
  surface: Surface = "chat",
): string | undefined {
  const keyring = host.keyring();
  if (keyring.open) return "default";
  const apiKey = headers["x-api-key"];
  const caller = keyring.find({
    authorization: headers.authorization,
    apiKey: Array.isArray(apiKey) ? undefined : apiKey,
  });
  if (caller !== undefined) return caller.tenant;
  const missing = headers.authorization === undefined && apiKey === undefined;
  answerFault(
    response,
    {
      status: 401,
      type: "authentication_error",
      code: missing ? "missing_api_key" : "invalid_api_key",
      message: missing ? "A key is needed: send it as 'Authorization: Bearer KEY'." : "The key is not known here.",
    },
    { "www-authenticate": "Bearer" },
    styleOf(surface),
  );
  return undefined;
}

function answerText(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "x-content-type-options": "nosniff",
  });
  response.end(text);
}

/** Without the query. It is compared as it is written: a path with other spellings leads nowhere. */
function pathOf(url: string): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isKnown(path: string): boolean {
  return ["/", "/healthz", "/readyz", "/metrics", "/fate/status", "/v1/models"].includes(path);
}

const untrusted: CallFault = {
  status: 403,
  type: "permission_error",
  code: "untrusted_origin",
  message: "A page of another site, or a name that is not this machine's, may not call a gateway that asks for no key.",
};

function notFound(path: string): CallFault {
  const shown = path.length > 100 ? `${path.slice(0, 100)}...` : path;
  return { status: 404, type: "invalid_request_error", code: "not_found", message: `There is nothing at ${shown}.` };
}

function notAllowed(method: string): CallFault {
  return {
    status: 405,
    type: "invalid_request_error",
    code: "method_not_allowed",
    message: `Only ${method} is allowed here.`,
  };
}
