/** Requests that two readers could take for different ones, and headers that are not the client's to set. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chat, chatPath, openWire, post, send, statusesIn } from "./client.ts";
import { openBench, openEntryOf } from "./gateway.ts";
import { scriptEngine } from "./scripted-engine.ts";

const body = JSON.stringify(chat("a"));
const hidden = `GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n`;

describe("a request whose end is in doubt", () => {
  const head = `POST ${chatPath} HTTP/1.1\r\nhost: localhost\r\n`;
  test.each([
    ["a length and chunks", `${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`],
    ["chunks and a length", `${head}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n${hidden}`],
    ["two lengths", `${head}content-length: 0\r\ncontent-length: ${hidden.length}\r\n\r\n${hidden}`],
    ["two lengths in one", `${head}content-length: 0, ${hidden.length}\r\n\r\n${hidden}`],
    ["a length with a sign", `${head}content-length: +0\r\n\r\n${hidden}`],
    ["a length that is none", `${head}content-length: 0x10\r\n\r\n${hidden}`],
    ["a folded header", `${head}x-a: b\r\n transfer-encoding: chunked\r\n\r\n${hidden}`],
    ["a bare line feed", `POST ${chatPath} HTTP/1.1\nhost: localhost\ncontent-length: 0\n\n${hidden}`],
    ["a bare carriage return", `${head}x-a: b\rcontent-length: 0\r\n\r\n${hidden}`],
    ["a space before the colon", `${head}content-length : 5\r\n\r\n12345`],
    ["a null", `${head}x-a: b\0c\r\ncontent-length: 0\r\n\r\n${hidden}`],
    ["an encoding that only looks chunked", `${head}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`],
    ["chunks that are not last", `${head}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`],
    ["a chunk with a bare line feed", `${head}transfer-encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n${hidden}`],
    ["a chunk longer than it says", `${head}transfer-encoding: chunked\r\n\r\n2\r\nabcde\r\n0\r\n\r\n${hidden}`],
    ["a chunk of no size", `${head}transfer-encoding: chunked\r\n\r\nz\r\n\r\n${hidden}`],
    ["a chunk of too large a size", `${head}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n${hidden}`],
    ["no host", `POST ${chatPath} HTTP/1.1\r\ncontent-length: 0\r\n\r\n${hidden}`],
    ["another protocol", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`],
  ])("%s is 400 and ends the connection", async (_, text) => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")]);
    using wire = await openWire(bench.port);
    wire.write(text);
    const said = await wire.closed();
    expect(statusesIn(said).slice(-1)).toEqual([400]);
    expect(said).not.toContain("200 OK");
    expect(one.received).toEqual([]);
  });

  test("what chunks say beside their size is not passed on", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")]);
    using wire = await openWire(bench.port);
    const size = Buffer.byteLength(body).toString(16);
    wire.write(
      `${head}transfer-encoding: chunked\r\n\r\n${size};a="\\r\\nx: y"\r\n${body}\r\n0\r\nx-trailer: a\r\n\r\n`,
    );
    await wire.until(/HTTP\/1\.1 200 /);
    const [received] = one.received;
    expect(received?.body.toString()).toBe(body);
    expect(received?.headers["content-length"]).toBe(String(Buffer.byteLength(body)));
    expect(received?.headers["x-trailer"]).toBeUndefined();
    expect(received?.headers["transfer-encoding"]).toBeUndefined();
  });
});

describe("many requests at once on one connection", () => {
  test("are answered in order", async () => {
    await using one = await scriptEngine((response, { body: sent }) =>
      response.end(JSON.stringify({ n: sent.length })),
    );
    await using bench = await openBench([openEntryOf(one, "one")]);
    using wire = await openWire(bench.port);
    wire.write(post(chatPath, chat("a")) + hidden + post(chatPath, "{") + post(chatPath, chat("b")) + hidden);
    const said = await wire.until((so) => statusesIn(so).length === 5 && so.endsWith("ok\n"));
    expect(statusesIn(said)).toEqual([200, 200, 400, 200, 200]);
  });

  test("leave nothing behind when the client goes", async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    await using one = await scriptEngine(() => resolve());
    await using bench = await openBench([openEntryOf(one, "one")]);
    using wire = await openWire(bench.port);
    wire.write(post(chatPath, chat("a")).repeat(8));
    await asked;
    wire.socket.destroy();
    await bench.idle();
    expect(one.received).toHaveLength(1);
    await bench.end();
  });

  test("are too many at some point", async () => {
    await using one = await scriptEngine(() => {});
    await using bench = await openBench([openEntryOf(one, "one")]);
    using wire = await openWire(bench.port);
    wire.write(post(chatPath, chat("a")) + hidden.repeat(200));
    expect(await wire.closed()).toBe("");
    await bench.idle();
  });
});

describe("headers of a client", () => {
  test("reach the engine without what is not the engine's", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one", ", apiKeyEnv: ENGINE_KEY")], "", {
      ENGINE_KEY: "engine-secret",
    });
    const answer = await send(bench.url, chatPath, chat("a"), {
      authorization: "Bearer client-secret",
      "x-api-key": "client-secret",
      "api-key": "client-secret",
      cookie: "session=client-secret",
      "proxy-authorization": "client-secret",
      te: "trailers",
      forwarded: "for=1.2.3.4",
      "accept-encoding": "gzip",
      "x-workflow-id": "w",
      "x-workflow-deadline-ms": "1000",
      "x-prefiller-host-port": "10.0.0.1:80",
      "x-data-parallel-rank": "3",
      "x-fate-route": "forged",
      "x-fate-anything": "forged",
      "x-forwarded-for": "1.2.3.4",
      "x-forwarded-host": "elsewhere",
      "x-real-ip": "1.2.3.4",
      "x-original-url": "/fate/unload",
      "x-http-method-override": "DELETE",
      "x-session-id": "kept",
      "x-request-id": "kept",
    });
    expect(answer.status).toBe(200);
    const headers = one.received[0]?.headers ?? {};
    expect(JSON.stringify(headers)).not.toContain("client-secret");
    expect(headers).toMatchObject({
      authorization: "Bearer engine-secret",
      "x-session-id": "kept",
      "x-request-id": "kept",
    });
    expect(headers.host).toBe(new URL(one.url).host);
    expect(Object.keys(headers).toSorted()).toEqual([
      "authorization",
      "connection",
      "content-length",
      "content-type",
      "host",
      "x-request-id",
      "x-session-id",
    ]);
    expect(JSON.stringify(answer.headers) + answer.text + bench.log.join("")).not.toContain("engine-secret");
  });

  test("do not reach the engine if they belong to the connection", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")]);
    using wire = await openWire(bench.port);
    wire.write(
      post(chatPath, chat("a"), ["connection: X-Mine ,keep-alive", "x-mine: a", "keep-alive: 5", "upgrade: h2c"]),
    );
    await wire.until(/HTTP\/1\.1 200 /);
    const headers = one.received[0]?.headers ?? {};
    expect(Object.keys(headers).toSorted()).toEqual(["connection", "content-length", "content-type", "host"]);
    expect(headers.connection).toBe("keep-alive");
  });

  test("are told apart in time that grows with their length", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")], "limits: { headerBytes: 1048576 }");
    using wire = await openWire(bench.port);
    wire.write(post(chatPath, chat("a"), [`connection: x-mine${" ".repeat(1_000_000)}x`]));
    await wire.until(/HTTP\/1\.1 200 /);
  });

  test.each(["a\rx-evil: 1", "a\nx-evil: 1", "a\0b", "a\x1bb", "a\x7fb"])(
    "with a byte that no value may have (%j) are refused",
    async (value) => {
      await using one = await scriptEngine((response) => response.end("{}"));
      await using bench = await openBench([openEntryOf(one, "one")]);
      using wire = await openWire(bench.port);
      wire.write(post(chatPath, chat("a"), [`x-mine: ${value}`]));
      expect(statusesIn(await wire.closed())).toEqual([400]);
      expect(one.received).toEqual([]);
    },
  );

  test("of any bytes reach the engine as they are, or not at all", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")]);
    const letters = fc.constantFrom(..."abcx-_.!#'*09");
    const name = fc.string({ unit: letters, minLength: 1, maxLength: 12 }).map((text) => `x-t${text}`);
    const bytes = fc.uint8Array({ maxLength: 12 }).map((each) => Buffer.from(each).toString("latin1"));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, bytes, { maxKeys: 3 }), async (sent) => {
        one.received.length = 0;
        using wire = await openWire(bench.port);
        wire.write(
          Buffer.from(
            post(
              chatPath,
              chat("a"),
              Object.entries(sent).map(([key, value]) => `${key}: ${value}`),
            ),
            "latin1",
          ),
        );
        const [status = 0] = statusesIn(await wire.until(/\r\n\r\n./s).catch(() => wire.said()));
        expect([200, 400]).toContain(status);
        const [got] = one.received;
        for (const [key, value] of Object.entries(got?.headers ?? {})) {
          if (["host", "connection", "content-type", "content-length"].includes(key)) continue;
          expect(value).toBe((sent[key] ?? "nobody sent it").replaceAll(/^[ \t]+|[ \t]+$/g, ""));
        }
      }),
      { numRuns: 100 },
    );
    await bench.idle();
  });

  test("cannot break out of an answer or of the log", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")], "log: { level: debug }");
    const ids = ["a\r\nx-evil: 1", "\ud800", "ä\u2028b", '"}\n{"level":"error"', "%0d%0a", "../../x", "__proto__"];
    for (const id of ids) {
      const answer = await send(bench.url, chatPath, chat("a", { workflow: { id } }));
      expect([200, 400], JSON.stringify(id)).toContain(answer.status);
      expect(answer.headers["x-evil"]).toBeUndefined();
      expect(answer.headers["x-fate-workflow"] ?? "").toMatch(/^[\x21-\x7e]*$/);
    }
    for (const line of bench.log) expect(line.trimEnd().split("\n")).toHaveLength(1);
    await bench.idle();
    await bench.end();
  });
});

describe("the target of a request", () => {
  test.each([
    ["/v1/%63hat/completions", 404],
    ["//v1/chat/completions", 404],
    ["/v1/chat/completions/", 404],
    ["/v1/./chat/completions", 404],
    ["/v1/x/../chat/completions", 404],
    ["/v1/chat/completions;a", 404],
    ["/v1/chat/completions%00", 404],
    ["/v1/chat\\completions", 404],
    ["/V1/CHAT/COMPLETIONS", 404],
    ["/__proto__", 404],
    ["/constructor", 404],
    ["http://elsewhere/v1/chat/completions", 404],
    ["/v1/chat/completions?a=b&c=%0d%0a", 200],
    ["/v1/chat/completions?../../fate/unload", 200],
  ])("%s is %i", async (target, status) => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")]);
    using wire = await openWire(bench.port);
    wire.write(post(target, chat("a")));
    const said = await wire.until(/\r\n\r\n./s);
    expect(statusesIn(said)).toEqual([status]);
    expect(one.received.map(({ path }) => path)).toEqual(status === 200 ? [target] : []);
  });
});
