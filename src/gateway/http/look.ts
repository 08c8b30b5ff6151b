/** What can only be looked at: the first page, health, metrics, status, models. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { CallFault } from "../call/call.ts";
import type { Keyring } from "../config/keys.ts";
import { metricsType } from "../observe/metrics.ts";
import { answerFault, answerJson, internalFault } from "./answer.ts";
import { admitCaller, admitOperator } from "./caller.ts";
import type { JournalStream } from "./journal-stream.ts";
import { unknownModel } from "./unknown-model.ts";

export type LookHost = {
  readonly keyring: () => Keyring;
  readonly models: () => readonly { readonly id: string; readonly contextTokens: number }[];
  readonly metrics: (() => string) | undefined;
  /** Whether calls can be served. */
  readonly isReady: () => boolean;
  readonly status: () => unknown;
  readonly page: () => string | Promise<string>;
  readonly journal: JournalStream;
  /** A mistake of ours, which costs the request that met it. */
  readonly onFault: (error: unknown) => void;
};

export function isLookedAt(path: string): boolean {
  return ["/", "/healthz", "/readyz", "/metrics", "/fate/status", "/fate/journal", "/v1/models"].includes(path);
}

export function look(host: LookHost, path: string, request: IncomingMessage, response: ServerResponse): void {
  switch (path) {
    case "/":
      return answerPage(host, response);
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
      if (admitOperator(host.keyring(), request, response)) answerJson(response, 200, host.status());
      return;
    case "/fate/journal":
      if (!admitOperator(host.keyring(), request, response)) return;
      // Whoever asks what it would be is not told all of it.
      if (request.method === "HEAD") return answerText(response, 200, "application/x-ndjson; charset=utf-8", "");
      return host.journal(response);
    default:
  }
  if (path !== "/v1/models" && !path.startsWith("/v1/models/")) return answerFault(response, notFound(path));
  if (admitCaller(host.keyring(), request, response) !== undefined) tellModels(host, path, response);
}

function tellModels({ models }: LookHost, path: string, response: ServerResponse): void {
  const data = models().map(({ id, contextTokens }) => ({
    id,
    object: "model",
    created: 0,
    owned_by: "fate",
    max_model_len: contextTokens,
  }));
  if (path === "/v1/models") return answerJson(response, 200, { object: "list", data });
  const name = decode(path.slice("/v1/models/".length));
  const one = data.find(({ id }) => id === name);
  return one === undefined ? answerFault(response, unknownModel(name, data)) : answerJson(response, 200, one);
}

export function notFound(path: string): CallFault {
  const shown = path.length > 100 ? `${path.slice(0, 100)}...` : path;
  return { status: 404, type: "invalid_request_error", code: "not_found", message: `There is nothing at ${shown}.` };
}

/** The page may have to be put together first. */
function answerPage({ page, onFault }: LookHost, response: ServerResponse): void {
  // What the page's own policy cannot say of itself: nobody may frame it.
  response.setHeader("content-security-policy", "frame-ancestors 'none'");
  const answer = (text: string): void => answerText(response, 200, "text/html; charset=utf-8", text);
  const made = page();
  if (typeof made === "string") return answer(made);
  made.then(answer).catch((error: unknown) => {
    onFault(error);
    if (response.headersSent) response.destroy();
    else answerFault(response, internalFault);
  });
}

function answerText(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "x-content-type-options": "nosniff",
  });
  response.end(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
