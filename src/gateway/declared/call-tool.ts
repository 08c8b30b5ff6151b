/**
 * One call of a tool: HTTP to an address of the configuration. A workflow decides what is sent, never where to:
 * templates fill query values and body, and redirects are not followed.
 */

import { Agent, request } from "undici";
import type { ToolConfig } from "../config/config.ts";
import { headersFrom } from "../config/variables.ts";
import { wait, type Time } from "../live/time.ts";
import type { DeclaredTool } from "./declared.ts";
import type { Scope } from "./evaluate.ts";
import { parseData } from "./model-call.ts";
import { RenderFault } from "./room.ts";
import { createFilling, render, renderTree } from "./template.ts";
import type { Json } from "./wire.ts";

export type ToolResult =
  | { readonly kind: "result"; readonly text: string; readonly json?: Json }
  | { readonly kind: "fault"; readonly retry: boolean; readonly message: string };

export type Tools = AsyncDisposable & {
  /** `key` is the same each time the same stage of the same run calls. Throws a RenderFault if a template cannot be filled. */
  readonly call: (stage: DeclaredTool, scope: Scope, signal: AbortSignal, key: string) => Promise<ToolResult>;
};

type Env = { readonly [name: string]: string | undefined };

export function createTools(configs: readonly ToolConfig[], env: Env): Tools {
  const byName = new Map(configs.map((config) => [config.name, config]));
  const agent = new Agent({ connections: 64, maxRedirections: 0 } as Agent.Options);
  return {
    call: async (stage, scope, signal, key) => {
      const config = byName.get(stage.tool);
      if (config === undefined) return fault(false, `no tool ${stage.tool} is configured`);
      const url = new URL(config.url);
      const room = createFilling();
      for (const [name, template] of stage.query) {
        const value = render(template, scope);
        room.take(value.length);
        url.searchParams.append(name, value);
      }
      const body = stage.body === undefined ? undefined : JSON.stringify(renderTree(stage.body, scope));
      return send({ config, url, body, env, agent, signal, key });
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

export type ToolRun = {
  readonly tools: Tools;
  readonly time: Time;
  readonly stage: DeclaredTool;
  readonly scope: Scope;
  readonly signal: AbortSignal;
  /** Of the stage in its run: by it the tool can tell a second call from another one. */
  readonly key: string;
  /** Before the second try; doubles with each further one. */
  readonly retryWaitMs: number;
  readonly onRetry: (message: string) => void;
};

const longestRetryWaitMs = 10_000;

/** As often as the stage allows, or until `signal` is aborted. */
export async function callWithRetries({
  tools,
  time,
  stage,
  scope,
  signal,
  key,
  retryWaitMs,
  onRetry,
}: ToolRun): Promise<ToolResult> {
  for (let tried = 0; ; tried++) {
    const result = await tools.call(stage, scope, signal, key).catch(toFault);
    if (result.kind === "result" || !result.retry || tried === stage.retries || signal.aborted) return result;
    onRetry(result.message);
    const ms = Math.min(longestRetryWaitMs, retryWaitMs * 2 ** tried);
    // Aborted: the next call is given up at once.
    await wait(time, ms, signal);
  }
}

function toFault(error: unknown): ToolResult {
  if (error instanceof RenderFault) return fault(false, error.message);
  throw error;
}

type Sending = {
  readonly config: ToolConfig;
  readonly url: URL;
  readonly body: string | undefined;
  readonly env: Env;
  readonly agent: Agent;
  readonly signal: AbortSignal;
  readonly key: string;
};

async function send({ config, url, body, env, agent, signal, key }: Sending): Promise<ToolResult> {
  const { name, method, timeoutMs, maxBytes } = config;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await request(url, {
      method,
      dispatcher: agent,
      headers: {
        accept: "application/json, text/*",
        "idempotency-key": key,
        ...sentHeaders(config, env, method === "POST"),
      },
      ...(method === "POST" ? { body: body ?? "{}" } : {}),
      signal: AbortSignal.any([signal, timeout]),
    });
    const text = await readBounded(answer.body, maxBytes);
    if (text === undefined) return fault(false, `${name} answered with more than ${maxBytes} bytes`);
    const { statusCode } = answer;
    if (statusCode >= 300 && statusCode < 400)
      return fault(false, `${name} answered ${statusCode}, a redirect, which is not followed`);
    if (statusCode >= 300) return fault(statusCode >= 500 || statusCode === 429, `${name} answered ${statusCode}`);
    const json = parseData(text);
    return { kind: "result", text, ...(json === undefined ? {} : { json }) };
  } catch (error) {
    if (signal.aborted) return fault(false, `${name} was given up`);
    if (timeout.aborted) return fault(true, `${name} did not answer within ${timeoutMs} ms`);
    return fault(true, `${name} cannot be reached (${codeOf(error)})`);
  }
}

function sentHeaders({ headersFromEnv }: ToolConfig, env: Env, hasBody: boolean): Record<string, string> {
  return { ...(hasBody ? { "content-type": "application/json" } : {}), ...headersFrom(headersFromEnv, env) };
}

async function readBounded(
  body: AsyncIterable<Buffer> & { destroy: () => unknown },
  maxBytes: number,
): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > maxBytes) {
      body.destroy();
      return undefined;
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** Never the address or a header, which may hold secrets. */
function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "no connection";
}

function fault(retry: boolean, message: string): ToolResult {
  return { kind: "fault", retry, message };
}
