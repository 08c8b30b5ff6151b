/** Requests to one model server about itself, bounded in size and called off by a signal. Calls of clients do not go this way. */

import { Agent, request } from "undici";
import type { EngineId } from "../../model/cluster.ts";
import { InputError } from "../../trace/input-error.ts";
import { parseAs, type Shape } from "../../trace/shape.ts";
import { EngineFault } from "./engine-fault.ts";

export type Server = AsyncDisposable & {
  readonly engine: EngineId;
  readonly origin: string;
  /** The body of a 2xx answer. */
  readonly text: (request: Ask, signal: AbortSignal) => Promise<string>;
  /** The body of a 2xx answer, as the shape has it. */
  readonly json: <T>(request: Ask, shape: Shape<T>, signal: AbortSignal) => Promise<T>;
};

export type Ask = { readonly method: "GET" | "POST"; readonly path: string; readonly body?: object };

export const maxAnswerBytes = 8 * 1024 * 1024;
const maxConnections = 8;

export function createServer(options: {
  readonly engine: EngineId;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}): Server {
  const { engine, headers } = options;
  const origin = new URL(options.url).origin;
  // How long an answer may take is the caller's to say, by its signal: a load takes minutes, a look a second.
  const agent = new Agent({
    connections: maxConnections,
    maxResponseSize: maxAnswerBytes,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const secrets = Object.values(headers).map((value) => value.replace(/^Bearer /, ""));

  const fail = (ask: Ask, fault: Pick<EngineFault, "kind" | "found" | "expected"> & { status?: number }): never => {
    let { found } = fault;
    for (const secret of secrets) found = found.replaceAll(secret, "***");
    throw new EngineFault({ ...fault, engine, request: `${ask.method} ${ask.path}`, found });
  };

  const text = async (ask: Ask, signal: AbortSignal): Promise<string> => {
    const expected = "an answer with status 200";
    let status: number;
    let body: string;
    try {
      const answer = await request(origin + ask.path, {
        dispatcher: agent,
        method: ask.method,
        headers: { ...headers, ...(ask.body === undefined ? {} : { "content-type": "application/json" }) },
        body: ask.body === undefined ? null : JSON.stringify(ask.body),
        signal,
      });
      status = answer.statusCode;
      body = await answer.body.text();
    } catch (error) {
      return fail(ask, { ...explain(error, signal), expected });
    }
    if (status >= 200 && status < 300) return body;
    return fail(ask, { kind: "status", found: `status ${status}${quoteReason(body)}`, expected, status });
  };

  const json = async <T>(ask: Ask, shape: Shape<T>, signal: AbortSignal): Promise<T> => {
    const body = await text(ask, signal);
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      return fail(ask, { kind: "answer", found: showStart(body), expected: "JSON" });
    }
    try {
      return parseAs(shape, value, engine);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      const { place, found, expected } = error;
      return fail(ask, { kind: "answer", found: `${found}${place === "" ? "" : ` at ${place}`}`, expected });
    }
  };
  return { engine, origin, text, json, [Symbol.asyncDispose]: () => agent.destroy() };
}

function explain(error: unknown, signal: AbortSignal): Pick<EngineFault, "kind" | "found"> {
  if (signal.aborted) return { kind: "slow", found: "no whole answer until it was called off" };
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE")
    return { kind: "answer", found: `an answer of more than ${maxAnswerBytes} bytes` };
  if (code.startsWith("HPE_")) return { kind: "answer", found: `an answer that is not HTTP (${code})` };
  return { kind: "unreachable", found: `no connection, or a broken one (${code || "unknown"})` };
}

/** What servers say of a failure: `{error: {message}}`, `{error}`, `{message}`, `{detail}` or a line of text. */
function quoteReason(body: string): string {
  let said: unknown = body;
  try {
    said = JSON.parse(body);
    for (const key of ["error", "message", "detail"]) said = stepInto(said, key);
  } catch {
    // Then it is text.
  }
  const shown = typeof said === "string" ? said : body;
  return shown.trim() === "" ? "" : ` (${showStart(shown)})`;
}

function stepInto(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : value;
}

function showStart(body: string): string {
  const line = body
    .slice(0, 2000)
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .trim();
  return JSON.stringify(line.length > 120 ? `${line.slice(0, 117)}...` : line);
}
