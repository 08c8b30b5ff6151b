/** Asks a server of vLLM's or SGLang's kind which tokens a prompt becomes: `POST /tokenize`. */

import { request, type Dispatcher } from "undici";

export type TokenizeOptions = {
  /** Such as `http://127.0.0.1:8000`, without a path. */
  readonly origin: string;
  /** What the server calls the model. */
  readonly model: string;
  readonly prompt: Prompt;
  /** Names in lower case: the server's own key. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes?: number;
  readonly maxTokens?: number;
  readonly signal: AbortSignal;
  readonly dispatcher?: Dispatcher;
};

/** A chat as the client sent it, with all that its template looks at, or a text. */
export type Prompt =
  | { readonly prompt: string }
  | { readonly messages: readonly unknown[]; readonly tools?: readonly unknown[] };

export type Tokenized =
  | { readonly kind: "tokens"; readonly tokens: readonly number[]; readonly contextTokens?: number }
  | { readonly kind: "failed"; readonly reason: string };

const defaultMaxBytes = 32 * 1024 * 1024;
const defaultMaxTokens = 2_000_000;

export async function tokenize(options: TokenizeOptions): Promise<Tokenized> {
  const { origin, model, prompt, headers, timeoutMs, signal, dispatcher } = options;
  try {
    const reply = await request(`${origin}/tokenize`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ model, ...prompt }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    const maxBytes = options.maxBytes ?? defaultMaxBytes;
    const text = await readText(reply.body, maxBytes);
    if (text === undefined)
      return { kind: "failed", reason: `found a longer answer of /tokenize than ${maxBytes} bytes` };
    if (reply.statusCode !== 200)
      return { kind: "failed", reason: `found status ${reply.statusCode} of /tokenize, expected 200` };
    return toTokenized(text, options.maxTokens ?? defaultMaxTokens);
  } catch (error) {
    return { kind: "failed", reason: `/tokenize did not answer: ${reasonOf(error)}` };
  }
}

/** Undefined if there is more than that; nothing more is read then. */
async function readText(body: AsyncIterable<Buffer>, maxBytes: number): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function toTokenized(text: string, maxTokens: number): Tokenized {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "failed", reason: "found an answer of /tokenize that is no JSON" };
  }
  const fields = value === null || typeof value !== "object" ? {} : (value as Record<string, unknown>);
  const { tokens, max_model_len: contextTokens } = fields;
  if (!Array.isArray(tokens) || !tokens.every((token) => Number.isSafeInteger(token)))
    return { kind: "failed", reason: "found an answer of /tokenize without a list of tokens" };
  if (tokens.length > maxTokens)
    return { kind: "failed", reason: `found ${tokens.length} tokens, expected at most ${maxTokens}` };
  const known = Number.isSafeInteger(contextTokens);
  return { kind: "tokens", tokens: tokens as number[], ...(known ? { contextTokens: contextTokens as number } : {}) };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "no reason given";
  // The code of a DOMException is a number that tells nobody anything.
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : error.name;
}
