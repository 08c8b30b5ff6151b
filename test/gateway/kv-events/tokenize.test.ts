import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "undici";
import { expect, test } from "vitest";
import { tokenize, type TokenizeOptions } from "../../../src/gateway/kv-events/tokenize.ts";

type Handler = (request: IncomingMessage, body: string, response: ServerResponse) => void;

/** Asks a server that is played by `handler`. */
async function ask(handler: Handler, options: Partial<TokenizeOptions> = {}) {
  await using stack = new AsyncDisposableStack();
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => (body += String(piece)));
    request.on("end", () => handler(request, body, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const dispatcher = new Agent();
  stack.defer(() => dispatcher.destroy());
  return await tokenize({
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    model: "llama",
    prompt: { prompt: "hello" },
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    dispatcher,
    ...options,
  });
}

const answer =
  (value: unknown, status = 200): Handler =>
  (_request, _body, response) =>
    response.writeHead(status).end(typeof value === "string" ? value : JSON.stringify(value));

test("a chat is sent with its tools and the server's key", async () => {
  const messages = [{ role: "user", content: "hello" }];
  let seen: unknown;
  const tokenized = await ask(
    (request, body, response) => {
      seen = [request.method, request.url, request.headers["authorization"], JSON.parse(body)];
      answer({ tokens: [5, 6, 7], count: 3, max_model_len: 4096, token_strs: null })(request, body, response);
    },
    { prompt: { messages, tools: [] }, headers: { authorization: "Bearer k" } },
  );
  expect(tokenized).toEqual({ kind: "tokens", tokens: [5, 6, 7], contextTokens: 4096 });
  expect(seen).toEqual(["POST", "/tokenize", "Bearer k", { model: "llama", messages, tools: [] }]);
});

test("a text is sent as it is, and an answer without the context's length will do", async () => {
  let seen: unknown;
  const tokenized = await ask((request, body, response) => {
    seen = JSON.parse(body);
    answer({ tokens: [] })(request, body, response);
  });
  expect(tokenized).toEqual({ kind: "tokens", tokens: [] });
  expect(seen).toEqual({ model: "llama", prompt: "hello" });
});

test.each<[string, Handler, string]>([
  ["an error", answer({ error: "secret" }, 404), "found status 404 of /tokenize, expected 200"],
  ["no JSON", answer("tokens"), "found an answer of /tokenize that is no JSON"],
  ["null", answer(null), "found an answer of /tokenize without a list of tokens"],
  ["tokens that are text", answer({ tokens: ["a"] }), "found an answer of /tokenize without a list of tokens"],
  ["too many tokens", answer({ tokens: [1, 2, 3, 4] }), "found 4 tokens, expected at most 3"],
  ["too long an answer", answer("x".repeat(200)), "found a longer answer of /tokenize than 100 bytes"],
  ["a torn connection", (_request, _body, response) => response.destroy(), "/tokenize did not answer: UND_ERR_SOCKET"],
])("%s is a failure with a reason", async (_, handler, reason) => {
  expect(await ask(handler, { maxTokens: 3, maxBytes: 100 })).toEqual({ kind: "failed", reason });
});

test("it ends when it takes too long or is no longer wanted", async () => {
  const silent: Handler = () => {};
  const late = await ask(silent, { timeoutMs: 1 });
  expect(late).toEqual({ kind: "failed", reason: "/tokenize did not answer: TimeoutError" });
  const aborted = await ask(silent, { signal: AbortSignal.abort() });
  expect(aborted).toEqual({ kind: "failed", reason: "/tokenize did not answer: AbortError" });
});
