/** One request to an emulated engine, and the ways of answering it. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Engine } from "../engine.ts";
import type { Fault } from "../faults.ts";

export type Call = {
  readonly engine: Engine;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Of a POST; empty without one. */
  readonly body: Body;
  /** What shall go wrong once an answer is under way. */
  readonly fault: Fault | undefined;
};

export type Body = Readonly<Record<string, unknown>>;

/** Why a call is not served. Dialects write it each in their own way. */
export type ApiError = {
  readonly status: number;
  /** OpenAI's word for it. */
  readonly type: string;
  readonly message: string;
  readonly param?: string;
  readonly code?: string;
};

export type ErrorStyle = "openai" | "anthropic" | "ollama";

export function sendJson({ response }: Pick<Call, "response">, status: number, value: unknown): void {
  sendText({ response }, status, "application/json", JSON.stringify(value));
}

export function sendText({ response }: Pick<Call, "response">, status: number, type: string, text: string): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(text);
}

export function sendError(call: Pick<Call, "response">, error: ApiError, style: ErrorStyle = "openai"): void {
  sendJson(call, error.status, toErrorBody(error, style));
}

function toErrorBody({ status, type, message, param, code }: ApiError, style: ErrorStyle): unknown {
  if (style === "ollama") return { error: message };
  if (style === "anthropic") return { type: "error", error: { type: anthropicTypes[status] ?? "api_error", message } };
  return { error: { message, type, param: param ?? null, code: code ?? null } };
}

const anthropicTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "not_found_error",
  429: "rate_limit_error",
  529: "overloaded_error",
};

export function badRequest(message: string, param?: string): ApiError {
  return { status: 400, type: "invalid_request_error", message, ...(param === undefined ? {} : { param }) };
}

export function isApiError(value: object): value is ApiError {
  return "status" in value && "message" in value;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
