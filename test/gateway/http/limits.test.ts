/** What is too large, too slow or too deep. */

import { describe, expect, test } from "vitest";
import { chat, chatPath, errorOf, openWire, post, send, statusesIn } from "./client.ts";
import { engine, entryOf, model, openBench, openEntryOf } from "./gateway.ts";
import { scriptEngine } from "./scripted-engine.ts";

describe("a body that is too large", () => {
  const settings = "limits: { bodyBytes: 4096 }";
  const head = `POST ${chatPath} HTTP/1.1\r\nhost: localhost\r\n`;

  test("is turned away before it comes, if it says so", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], settings);
    using wire = await openWire(bench.port);
    wire.write(`${head}content-length: 4097\r\n\r\n`);
    const said = await wire.until(/body_too_large/);
    expect(statusesIn(said)).toEqual([413]);
    expect(said).toMatch(/connection: close/i);
    // What follows is no request, whatever it looks like.
    wire.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".padEnd(4097, "x"));
    expect(statusesIn(await wire.closed())).toEqual([413]);
  });

  test("is turned away once it is, if it does not say so; the answer arrives while the client still sends", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], settings);
    using wire = await openWire(bench.port);
    wire.write(`${head}transfer-encoding: chunked\r\n\r\n`);
    const chunk = `1000\r\n${"x".repeat(4096)}\r\n`;
    for (let count = 0; count < 200; count++) wire.write(chunk);
    const said = await wire.until(/body_too_large/);
    wire.write("0\r\n\r\n");
    expect(statusesIn(said)).toEqual([413]);
    expect(statusesIn(await wire.closed())).toEqual([413]);
    await bench.idle();
  });

  test("is the same for declared workflows", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], settings);
    expect((await send(bench.url, "/v1/workflows", "x".repeat(5000))).status).toBe(413);
  });

  test("is not read at all if the client asks first", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], settings);
    using wire = await openWire(bench.port);
    wire.write(`${head}expect: 100-continue\r\ncontent-length: 5000\r\n\r\n`);
    expect(await wire.until(/body_too_large/)).not.toContain("100 Continue");
    // One that sends it all the same is not waited for.
    wire.write("x".repeat(5000));
    expect(statusesIn(await wire.closed())).toEqual([413]);
  });
});

test("bodies of all calls that are not answered yet have a bound together, and make room when they are", async () => {
  await using one = await engine();
  await using bench = await openBench([entryOf(one, "one")], "limits: { bodyBytes: 4096, heldBytes: 6000 }");
  using half = await openWire(bench.port);
  half.write(`POST ${chatPath} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4096\r\n\r\n${" ".repeat(4000)}`);
  const large = { ...chat("a"), user: "x".repeat(2500) };
  await expect
    .poll(async () => errorOf(await send(bench.url, chatPath, large)).code, { timeout: 5000 })
    .toBe("bodies_too_large");
  expect((await send(bench.url, chatPath, chat("a"))).status).toBe(200);
  half.socket.destroy();
  await expect.poll(async () => (await send(bench.url, chatPath, large)).status, { timeout: 5000 }).toBe(200);
  await bench.idle();
  await bench.end();
});

test("a body of very many values is turned away before it is parsed", async () => {
  await using one = await engine();
  await using bench = await openBench([entryOf(one, "one")], "limits: { bodyValues: 2000 }");
  const of = (count: number) => ({
    ...chat("a"),
    metadata: Array.from({ length: count }, () => ({})),
    x: "[".repeat(5000),
  });
  const paths = [chatPath, "/v1/embeddings", "/v1/workflows"];
  for (const path of paths) {
    const answer = await send(bench.url, path, of(2000));
    expect([answer.status, errorOf(answer).code]).toEqual([413, "too_many_values"]);
  }
  expect((await send(bench.url, chatPath, of(1900))).status).toBe(200);
  await bench.idle();
  await bench.end();
});

describe("a client that asks before it sends", () => {
  test("is told to go on, and its connection is used again", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")]);
    using wire = await openWire(bench.port);
    const [head = "", body = ""] = post(chatPath, chat("a"), ["expect: 100-continue"]).split("\r\n\r\n");
    for (const round of [1, 2]) {
      wire.write(`${head}\r\n\r\n`);
      await wire.until((said) => statusesIn(said).length === 2 * round - 1);
      wire.write(body);
      await wire.until((said) => statusesIn(said).length === 2 * round);
    }
    expect(statusesIn(wire.said())).toEqual([100, 200, 100, 200]);
    expect(wire.said()).not.toMatch(/connection: close/i);
  });

  test("hears a refusal at once", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")]);
    for (const [text, status] of [
      [`POST /nowhere HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n`, 404],
      [`POST ${chatPath} HTTP/1.1\r\nhost: localhost\r\nexpect: 200-ok\r\ncontent-length: 9\r\n\r\n`, 417],
    ] as const) {
      using wire = await openWire(bench.port);
      wire.write(text);
      expect(statusesIn(await wire.until(/\r\n\r\n/))).toEqual([status]);
    }
  });
});

test("a compressed body is not taken", async () => {
  await using one = await engine();
  await using bench = await openBench([entryOf(one, "one")]);
  const answer = await send(bench.url, chatPath, "x", { "content-encoding": "gzip" });
  expect([answer.status, errorOf(answer).code]).toEqual([415, "unsupported_content_encoding"]);
});

test("headers that are too large are 431", async () => {
  await using one = await engine();
  await using bench = await openBench([entryOf(one, "one")], "limits: { headerBytes: 2048 }");
  using wire = await openWire(bench.port);
  wire.write(`GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-long: ${"a".repeat(4096)}\r\n\r\n`);
  expect(statusesIn(await wire.closed())).toEqual([431]);
});

test("a path that is too long is 431", async () => {
  await using one = await engine();
  await using bench = await openBench([entryOf(one, "one")], "limits: { headerBytes: 2048 }");
  using wire = await openWire(bench.port);
  wire.write(post(`${chatPath}?${"a".repeat(4096)}`, chat("a")));
  expect(statusesIn(await wire.closed())).toEqual([431]);
});

describe("a slow client", () => {
  test.each([
    ["headers", "POST /v1/chat/completions HTTP/1.1\r\nhost: local"],
    ["body", "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{"],
    ["chunks", "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"],
  ])("is 408 and ends for its %s", async (_, text) => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], "limits: { slowClientMs: 100 }");
    using wire = await openWire(bench.port);
    wire.write(text);
    expect(statusesIn(await wire.closed())).toEqual([408]);
    await bench.idle();
  });

  test.each([
    ["headers", "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-long: "],
    ["body", "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n"],
  ])("gains nothing by sending its %s a byte at a time", async (_, text) => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], "limits: { slowClientMs: 100 }");
    using wire = await openWire(bench.port);
    wire.write(text);
    const drip = setInterval(() => wire.write("a"), 5);
    try {
      expect(statusesIn(await wire.closed())).toEqual([408]);
    } finally {
      clearInterval(drip);
    }
    await bench.idle();
  });

  test("is one by the limit of now, where a reload changed it", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")], "limits: { slowClientMs: 30000 }");
    const { changes } = await bench.gateway.reload(
      bench.config([entryOf(one, "one")], "limits: { slowClientMs: 100 }"),
    );
    expect(changes.map(({ live }) => live)).toEqual([true]);
    using wire = await openWire(bench.port);
    wire.write("POST /v1/chat/completions HTTP/1.1\r\nhost: local");
    expect(statusesIn(await wire.closed())).toEqual([408]);
  });

  test("is not one who waits for a slow engine", async () => {
    await using one = await scriptEngine((response) => void setTimeout(() => response.end("{}"), 350));
    await using bench = await openBench([openEntryOf(one, "one")], "limits: { slowClientMs: 100 }");
    expect((await send(bench.url, chatPath, chat("a"))).status).toBe(200);
  });
});

test("connections beyond the limit are closed", async () => {
  await using one = await engine();
  await using bench = await openBench([entryOf(one, "one")], "limits: { connections: 2 }");
  using first = await openWire(bench.port);
  using second = await openWire(bench.port);
  for (const wire of [first, second]) {
    wire.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await wire.until(/ok/);
  }
  using third = await openWire(bench.port);
  expect(await third.closed()).toBe("");
  first.socket.destroy();
  second.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");
  await second.until((said) => statusesIn(said).length === 2);
});

describe("a body that is odd", () => {
  const deep = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
  const messages = '"messages":[{"role":"user","content":"a"}]';
  test.each<[string, string | Buffer, number]>([
    ["deep, and passed on as it is", `{"model":"${model}",${messages},"x":${deep(100_000)}}`, 200],
    ["deep where the prompt is", `{"model":"${model}","messages":${deep(100_000)}}`, 400],
    ["not JSON", `{"model":"${model}",${messages},}`, 400],
    ["empty", "", 400],
    ["a number", "1e999", 400],
    ["led by a mark of byte order", `\ufeff{"model":"${model}",${messages}}`, 400],
    [
      "in bytes that are no text",
      Buffer.concat([
        Buffer.from(`{"model":"${model}","x":"`),
        Buffer.from([0xff, 0xc0]),
        Buffer.from(`",${messages}}`),
      ]),
      200,
    ],
    ["a prototype", `{"__proto__":{"model":"${model}"},${messages}}`, 400],
    ["of huge numbers", `{"model":"${model}",${messages},"max_tokens":1e308}`, 400],
    ["of two models", `{"model":"none","model":"${model}",${messages}}`, 200],
  ])("%s", async (_, body, status) => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")]);
    using wire = await openWire(bench.port);
    wire.write(`POST ${chatPath} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`);
    wire.write(body);
    expect(statusesIn(await wire.until(/\r\n\r\n./s))).toEqual([status]);
    expect(one.received.map((each) => each.body.equals(Buffer.from(body)))).toEqual(status === 200 ? [true] : []);
    await bench.idle();
    await bench.end();
  });

  test("and too deep to be changed is the client's fault, and costs no engine its good name", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    const entry = `{ id: one, kind: openai, url: "${one.url}", gpu: l4-24g, models: [{ id: ${model}, as: "acme/llama" }] }`;
    await using bench = await openBench([entry], "health: { everyMs: 60000, failures: 1 }");
    const answer = await send(bench.url, chatPath, `{"model":"${model}",${messages},"x":${deep(600)}}`);
    expect([answer.status, errorOf(answer).code, one.received.length]).toEqual([400, "invalid_request", 0]);
    expect((await send(bench.url, chatPath, chat("a"))).status).toBe(200);
    await bench.idle();
    await bench.end();
  });
});
