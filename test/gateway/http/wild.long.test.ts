/** Bytes of all kinds on a socket: the gateway answers in HTTP or closes, and goes on. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { chat, chatPath, openWire, post, send } from "./client.ts";
import { engine, entryOf, model, openBench } from "./gateway.ts";
import { codePoint } from "../../support/code-point.ts";

const pieces = [
  "GET /healthz HTTP/1.1\r\n",
  `POST ${chatPath} HTTP/1.1\r\n`,
  "OPTIONS * HTTP/1.1\r\n",
  "CONNECT a:1 HTTP/1.1\r\n",
  "host: localhost\r\n",
  "content-length: 5\r\n",
  "content-length: 99999999999999999999\r\n",
  "transfer-encoding: chunked\r\n",
  "connection: close\r\n",
  "connection: upgrade\r\nupgrade: websocket\r\n",
  "expect: 100-continue\r\n",
  "\r\n",
  "\n",
  "5\r\nhello\r\n",
  "0\r\n\r\n",
  "ffffffff\r\n",
  `{"model":"${model}","messages":[`,
  post(chatPath, chat("a")),
  post(chatPath, chat("a", { stream: true })),
  post("/v1/workflows", "{}"),
];

const wild = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...pieces).map((piece) => Buffer.from(piece)) },
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ maxLength: 40 }).map((text) => Buffer.from(text)),
  ),
  { maxLength: 8 },
);

test("whatever comes, nothing else goes out and nothing stays open", async () => {
  await using one = await engine();
  await using bench = await openBench([entryOf(one, "one")], "limits: { slowClientMs: 400 }");
  await fc.assert(
    fc.asyncProperty(wild, async (chunks) => {
      using wire = await openWire(bench.port);
      for (const chunk of chunks) wire.write(chunk);
      wire.socket.end();
      const said = await wire.closed();
      expect(said === "" || said.startsWith("HTTP/1.1 ")).toBe(true);
    }),
    { numRuns: 150 },
  );
  expect((await send(bench.url, chatPath, chat("a"))).status).toBe(200);
  await bench.idle();
  await bench.end();
});

test("whatever a body holds, the answer is an answer", async () => {
  await using one = await engine();
  // To make bodies up takes so long that looks at the engine would go unanswered meanwhile.
  await using bench = await openBench([entryOf(one, "one")], "health: { everyMs: 60000, timeoutMs: 30000 }");
  const body = fc.record(
    {
      model: fc.oneof({ weight: 5, arbitrary: fc.constant<unknown>(model) }, fc.jsonValue()),
      messages: fc.oneof(
        { weight: 2, arbitrary: fc.constant<unknown>([{ role: "user", content: "a" }]) },
        fc.jsonValue(),
      ),
      stream: fc.oneof(fc.boolean(), fc.jsonValue()),
      n: fc.jsonValue(),
      max_tokens: fc.oneof(fc.constant(8), fc.jsonValue()),
      workflow: fc.oneof(
        fc.record(
          { id: fc.string({ unit: codePoint }), stage: fc.string(), parents: fc.jsonValue() },
          { requiredKeys: [] },
        ),
        fc.jsonValue(),
      ),
      nvext: fc.jsonValue(),
      metadata: fc.jsonValue(),
    },
    { requiredKeys: ["model", "messages"] },
  );
  await fc.assert(
    fc.asyncProperty(body, async (value) => {
      const { status, headers } = await send(bench.url, chatPath, value);
      expect([200, 400, 404]).toContain(status);
      expect(headers["x-fate-workflow"] ?? "").toMatch(/^[\x21-\x7e]*$/);
    }),
    { numRuns: 150 },
  );
  await bench.idle();
  await bench.end();
});
