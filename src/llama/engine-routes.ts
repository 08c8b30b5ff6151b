/** What the engine answers to what: a table of routes, and one place where errors become answers. */

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { renderMetrics, type Totals } from "./engine-metrics.ts";
import type { LoadedModel } from "./loaded-model.ts";
import { toBody, toChunk, toErrorBody, toUsageChunk, type AnswerHead, type Surface } from "./openai-bodies.ts";
import { CallError, readCall, readModel, type EngineCall } from "./read-call.ts";
import { ClosedError, QueueFullError, type Residency } from "./residency.ts";
import { writeAnswer, type Answer } from "./write-answer.ts";

export type EngineParts = {
  readonly id: string;
  readonly models: readonly string[];
  readonly residency: Residency<LoadedModel>;
  readonly totals: Totals;
  readonly defaultTokens: number;
  readonly bodyBytes: number;
  readonly nowMs: () => number;
  readonly nowSeconds: () => number;
  /** Aborted when the engine closes. */
  readonly stop: AbortSignal;
};

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly signal: AbortSignal };
type Route = (exchange: Exchange) => Promise<void> | void;

export function createEngineListener(parts: EngineParts): RequestListener {
  let calls = 0;
  const answer =
    (surface: Surface): Route =>
    async (exchange) => {
      const call = readCall(await readBody(exchange.request, parts.bodyBytes), surface);
      requireModel(parts, call.model);
      const id = `${surface === "chat" ? "chatcmpl" : "cmpl"}-${parts.id}-${++calls}`;
      await answerCall(parts, exchange, call, { surface, id, model: call.model, created: parts.nowSeconds() });
    };
  const routes: Readonly<Record<string, Route>> = {
    "GET /health": ({ response }) => void response.writeHead(200).end(),
    "GET /v1/models": ({ response }) => sendJson(response, 200, listModels(parts)),
    "GET /metrics": ({ response }) => {
      response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
      response.end(renderMetrics(parts.residency.sight(), parts.residency.held(), parts.totals));
    },
    "GET /fate/residency": ({ response }) => {
      const { resident, loading } = parts.residency.sight();
      sendJson(response, 200, { resident, loading });
    },
    "POST /fate/load": (exchange) => load(parts, exchange),
    "POST /fate/unload": (exchange) => unload(parts, exchange),
    "POST /v1/chat/completions": answer("chat"),
    "POST /v1/completions": answer("completions"),
  };
  return (request, response) => {
    const signal = AbortSignal.any([parts.stop, watchClient(response)]);
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const route = routes[`${request.method} ${path}`];
    const respond = async (): Promise<void> => {
      if (route === undefined) throw new CallError(404, "not_found", null, `there is no ${request.method} ${path}`);
      await route({ request, response, signal });
    };
    respond().catch((error: unknown) => sendError(response, error));
  };
}

/** Aborted when the client is gone before it has its answer. */
function watchClient(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort(new Error("the client is gone"));
  });
  return gone.signal;
}

async function answerCall(parts: EngineParts, exchange: Exchange, call: EngineCall, head: AnswerHead): Promise<void> {
  const { response, signal } = exchange;
  const visit = await parts.residency.enter(call.model, signal);
  try {
    const written: string[] = [];
    const stream = call.stream ? createStream(response, head) : undefined;
    const answer = await writeAnswer({
      call,
      loaded: visit.held,
      defaultTokens: parts.defaultTokens,
      signal,
      nowMs: parts.nowMs,
      write: stream?.write ?? ((text) => void written.push(text)),
    });
    parts.totals.count(call.model, answer);
    if (stream === undefined) sendJson(response, 200, toBody(head, written.join(""), answer));
    else stream.end(answer, call.includeUsage);
  } finally {
    visit.leave();
  }
}

type Stream = {
  readonly write: (text: string) => void;
  readonly end: (answer: Answer, includeUsage: boolean) => void;
};

/** A client that reads slowly has at most one answer waiting for it in memory: `max_tokens` bounds that. */
function createStream(response: ServerResponse, head: AnswerHead): Stream {
  let begun = false;
  const send = (chunk: object): void => {
    if (!begun) response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    begun = true;
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  };
  return {
    write: (text) => send(toChunk(head, text, !begun, null)),
    end: (answer, includeUsage) => {
      send(toChunk(head, "", !begun, answer.finish));
      if (includeUsage) send(toUsageChunk(head, answer));
      response.end("data: [DONE]\n\n");
    },
  };
}

async function load(parts: EngineParts, { request, response, signal }: Exchange): Promise<void> {
  const model = readModel(await readBody(request, parts.bodyBytes));
  requireModel(parts, model);
  await parts.residency.load(model, signal);
  sendJson(response, 200, { resident: parts.residency.sight().resident });
}

async function unload(parts: EngineParts, { request, response }: Exchange): Promise<void> {
  const model = readModel(await readBody(request, parts.bodyBytes));
  requireModel(parts, model);
  if ((await parts.residency.unload(model)) === "busy")
    throw new CallError(409, "busy", "model", `${model} has calls under way, or a model is being loaded or unloaded`);
  sendJson(response, 200, { resident: parts.residency.sight().resident });
}

function requireModel({ models, id }: EngineParts, model: string): void {
  if (!models.includes(model))
    throw new CallError(
      404,
      "model_not_found",
      "model",
      `engine ${id} has no model of this name; it has ${models.join(", ")}`,
    );
}

function listModels({ models, id }: EngineParts): object {
  return { object: "list", data: models.map((model) => ({ id: model, object: "model", created: 0, owned_by: id })) };
}

async function readBody(request: IncomingMessage, most: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > most) throw new CallError(413, "body_too_large", null, `the body is larger than ${most} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response
    .writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) })
    .end(text);
}

/** Once an answer has begun, cutting it off is the only way to say that it failed. */
function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, type, code, param, message } = describe(error);
  if (status === 413) response.setHeader("connection", "close");
  if (status === 429 || status === 503) response.setHeader("retry-after", "1");
  sendJson(response, status, toErrorBody(type, code, param, message));
}

type Described = {
  readonly status: number;
  readonly type: string;
  readonly code: string;
  readonly param: string | null;
  readonly message: string;
};

function describe(error: unknown): Described {
  if (error instanceof CallError)
    return { ...pick(error), type: error.status < 500 ? "invalid_request_error" : "server_error" };
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof QueueFullError)
    return { status: 429, type: "rate_limit_error", code: "queue_full", param: null, message };
  if (error instanceof ClosedError) return { status: 503, type: "server_error", code: "closing", param: null, message };
  return { status: 500, type: "server_error", code: "engine_failed", param: null, message };
}

function pick({ status, code, param, message }: CallError): Omit<Described, "type"> {
  return { status, code, param, message };
}
