/** What engines do, and what a client sees of it. */

import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { chat, chatPath, errorOf, openWire, post, send } from "./client.ts";
import { engine, entryOf, model, openBench, openEntryOf } from "./gateway.ts";
import { rawEngine, scriptEngine } from "./scripted-engine.ts";

const calm = "health: { everyMs: 60000, failures: 1000 }";

describe("a status of an engine", () => {
  test("that finds fault with the call is passed on, body and all", async () => {
    await using one = await scriptEngine((response) => {
      response.writeHead(422, { "content-type": "application/json", "x-engine": "1" });
      response.end('{"error":{"message":"no"}}');
    });
    await using bench = await openBench([openEntryOf(one, "one")]);
    const answer = await send(bench.url, chatPath, chat("a"));
    expect([answer.status, answer.text, answer.headers["x-engine"]]).toEqual([422, '{"error":{"message":"no"}}', "1"]);
    expect(one.received).toHaveLength(1);
    await bench.idle();
    await bench.end();
  });

  test.each([500, 502, 503, 504, 429, 401, 302])(
    "%i is tried elsewhere, and is 502 if it is the same everywhere",
    async (status) => {
      let broken = 1;
      const answer = (name: string) =>
        scriptEngine((response) => {
          if (broken-- > 0) response.writeHead(status, { location: "http://127.0.0.1:1/" }).end("no");
          else response.end(`{"from":"${name}"}`);
        });
      await using one = await answer("one");
      await using two = await answer("two");
      await using bench = await openBench([openEntryOf(one, "one"), openEntryOf(two, "two")], calm);
      const retried = await send(bench.url, chatPath, chat("a"));
      expect(retried.status).toBe(200);
      expect([one.received.length, two.received.length]).toEqual([1, 1]);
      expect(retried.headers["x-fate-route"]).toMatch(/attempt 2$/);
      broken = Infinity;
      const failed = await send(bench.url, chatPath, chat("b"));
      expect([failed.status, errorOf(failed).code, failed.headers["retry-after"]]).toEqual([502, "engine_failed", "1"]);
      expect(one.received.length + two.received.length).toBe(6);
      await bench.idle();
      await bench.end();
    },
  );

  test("counts once against the engine for each call, however often that is tried", async () => {
    await using one = await scriptEngine((response, { body }) => {
      response.writeHead(body.includes("poison") ? 500 : 200).end("{}");
    });
    await using bench = await openBench(
      [openEntryOf(one, "one")],
      `health: { everyMs: 60000, failures: 2, openMs: 60000 }
queue: { hardestWaitMs: 100, giveUpMs: 100 }`,
    );
    const statusOf = async (text: string): Promise<number> => (await send(bench.url, chatPath, chat(text))).status;
    expect([await statusOf("poison"), await statusOf("fine")]).toEqual([502, 200]);
    // With the second it goes down, so that it is not even tried again.
    expect([await statusOf("poison"), await statusOf("more poison"), await statusOf("fine")]).toEqual([502, 503, 503]);
    await bench.idle();
    await bench.end();
  });

  test("is not tried elsewhere if the call leaves something behind", async () => {
    await using one = await scriptEngine((response) => response.writeHead(500).end());
    await using bench = await openBench([openEntryOf(one, "one")], calm);
    const answer = await send(bench.url, "/v1/responses", { model, input: "a" });
    expect([answer.status, one.received.length]).toEqual([502, 1]);
    await bench.end();
  });

  test.each([
    ["204", "HTTP/1.1 204 No Content\r\n\r\n", 204],
    ["100 that nobody asked for", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", 502],
    [
      "103 before the answer",
      "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
      200,
    ],
    ["101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", 502],
    ["304", "HTTP/1.1 304 Not Modified\r\n\r\n", 502],
    [
      "headers without end",
      `HTTP/1.1 200 OK\r\n${"x-long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(2000)}\r\n`,
      502,
    ],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}", 502],
    [
      "a length and chunks",
      "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      502,
    ],
    ["no HTTP", "garbage\r\n\r\n", 502],
    ["bytes that no header may have", "HTTP/1.1 200 OK\r\nx-name: \xe6\xa8\xa1\r\ncontent-length: 2\r\n\r\n{}", 200],
    ["no length", "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", 200],
  ])("%s", async (_, text, status) => {
    await using one = await rawEngine((socket) => {
      socket.write(text, "latin1");
      if (text.includes("connection: close")) socket.end();
    });
    await using bench = await openBench([openEntryOf(one, "one")], calm);
    expect((await send(bench.url, chatPath, chat("a"))).status).toBe(status);
    await bench.idle();
    await bench.end();
  });
});

describe("headers of an engine", () => {
  test("reach the client without what is not the client's", async () => {
    await using one = await scriptEngine((response) => {
      response.writeHead(200, {
        "x-own": "kept",
        "x-fate-route": "forged",
        "x-fate-other": "forged",
        "x-hop": "dropped",
        connection: "x-hop",
        "set-cookie": ["a=1"],
        "access-control-allow-origin": "*",
        "content-encoding": "gzip",
      });
      response.end("as it is");
    });
    await using bench = await openBench([openEntryOf(one, "one")]);
    const { headers, text } = await send(bench.url, chatPath, chat("a"));
    expect(text).toBe("as it is");
    expect(headers).toMatchObject({ "x-own": "kept", "content-encoding": "gzip" });
    expect(headers["x-fate-route"]).toMatch(/^one; /);
    for (const name of ["x-fate-other", "x-hop", "set-cookie", "access-control-allow-origin"])
      expect(headers[name], name).toBeUndefined();
  });
});

describe("a connection to an engine", () => {
  test("that the engine closes just as a call is sent costs the client nothing", async () => {
    await using one = await rawEngine((socket, call) => {
      if (call % 2 === 1) socket.destroy();
      else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    });
    await using bench = await openBench([openEntryOf(one, "one")], calm);
    for (let call = 0; call < 20; call++) expect((await send(bench.url, chatPath, chat("a"))).status).toBe(200);
    await bench.end();
  });
});

test.each([
  ["in one piece", {}],
  ["as a stream", { stream: true }],
])("an engine that drips its answer %s loses the call, whose place is free again", async (_, more) => {
  await using one = await rawEngine((socket, call) => {
    if (call > 0) return void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
    const drip = setInterval(() => socket.write("a"), 5);
    socket.on("close", () => clearInterval(drip));
  });
  await using bench = await openBench(
    [openEntryOf(one, "one", ", maxSequences: 1")],
    `${calm}\nlimits: { answerMs: 500 }`,
  );
  const dripped = send(bench.url, chatPath, chat("a", more));
  const next = send(bench.url, chatPath, chat("b"));
  await expect(dripped).rejects.toThrow();
  expect((await next).text).toBe("{}");
  await bench.idle();
  await bench.end();
});

describe("a pair", () => {
  test.each(["nixl", "bootstrap"] as const)("by %s answers as one engine does", async (handOff) => {
    const more = `, handOff: ${handOff}`;
    await using first = await engine({ id: "p", role: "prefill" });
    await using second = await engine({ id: "d", role: "decode" });
    await using alone = await engine({ id: "alone" });
    const port = handOff === "bootstrap" ? `, bootstrapPort: ${first.port}` : "";
    await using bench = await openBench(
      [entryOf(first, "p", `, role: prefill${more}${port}`), entryOf(second, "d", `, role: decode${more}`)],
      calm,
    );
    const long = "river ".repeat(200);
    const direct = await send(alone.url, chatPath, chat(long));
    for (const stream of [false, true]) {
      const answer = await send(bench.url, chatPath, chat(long, { stream }));
      expect(answer.status).toBe(200);
      expect(answer.headers["x-fate-route"]).toMatch(/^p>d; /);
      if (!stream) expect(JSON.parse(answer.text).choices).toEqual(JSON.parse(direct.text).choices);
    }
    expect([first.stats().handOffsGiven, second.stats().handOffsTaken]).toEqual([2, 2]);
    const { text: metrics } = await send(bench.url, "/metrics");
    const cached = Number(/^fate_engine_cached_tokens_total\{engine="d"\} (\d+)$/m.exec(metrics)?.[1]);
    // What the first engine had of the second prompt, not what was handed over.
    if (handOff === "nixl") expect(cached).toBe(first.stats().cachedTokens);
    const several = await send(bench.url, chatPath, chat(long, { n: 2 }));
    expect(JSON.parse(several.text).choices).toHaveLength(2);
    await bench.idle();
    await bench.end();
  });

  test("whose first engine finds fault with the call says so", async () => {
    await using first = await engine({ id: "p", role: "prefill", contextTokens: 64 });
    await using second = await engine({ id: "d", role: "decode" });
    await using bench = await openBench(
      [entryOf(first, "p", ", role: prefill, handOff: nixl"), entryOf(second, "d", ", role: decode, handOff: nixl")],
      calm,
    );
    const answer = await send(bench.url, chatPath, chat("river ".repeat(200)));
    expect([answer.status, errorOf(answer).code]).toEqual([400, "context_length_exceeded"]);
    expect([first.stats().refused, second.stats().refused, second.stats().calls]).toEqual([1, 0, 0]);
    await bench.end();
  });

  test.each([
    ["nixl", "garbage"],
    ["nixl", "error"],
    ["nixl", "refuse"],
    ["bootstrap", "error"],
    ["bootstrap", "refuse"],
  ] as const)("by %s is tried again when its first leg fails by %s", async (handOff, kind) => {
    await using first = await engine({ id: "p", role: "prefill" });
    await using second = await engine({ id: "d", role: "decode" });
    const port = handOff === "bootstrap" ? `, bootstrapPort: ${first.port}` : "";
    await using bench = await openBench(
      [
        entryOf(first, "p", `, role: prefill, handOff: ${handOff}${port}`),
        entryOf(second, "d", `, role: decode, handOff: ${handOff}`),
      ],
      calm,
    );
    first.faults.add({ kind, count: 2 });
    expect((await send(bench.url, chatPath, chat("river ".repeat(200)))).status).toBe(200);
    first.faults.add({ kind });
    const failed = await send(bench.url, chatPath, chat("lake ".repeat(200)));
    expect([failed.status, errorOf(failed).code]).toEqual([502, "engine_failed"]);
    await bench.idle();
    expect([first.stats().running, second.stats().running]).toEqual([0, 0]);
    await bench.end();
  });
});

test.each([
  [chatPath, "data: [DONE]\n\n"],
  ["/v1/messages", 'event: message_stop\ndata: {"type":"message_stop"}\n\n'],
  ["/v1/responses", 'event: response.completed\ndata: {"type":"response.completed"}\n\n'],
])("a client of %s who leaves once it has read the last event has its answer", async (path, last) => {
  await using one = await scriptEngine((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`data: {"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n${last}`);
  });
  await using bench = await openBench([openEntryOf(one, "one")], calm);
  using wire = await openWire(bench.port);
  wire.write(post(path, { ...chat("a"), input: "a", stream: true }));
  await wire.until((said) => said.includes(last.slice(0, 20)));
  wire.socket.destroy();
  await bench.idle();
  const { text } = await send(bench.url, "/metrics");
  expect(text).toMatch(/^fate_calls_total\{.*status="200"\} 1$/m);
  expect(text).toContain('fate_tenant_tokens_total{tenant="default",type="output"} 2\n');
  const events = await bench.end();
  expect(events.filter(({ kind }) => kind === "stage-end")).toHaveLength(1);
});

describe("a slow reader", () => {
  const piece = `data: ${"x".repeat(16_000)}\n\n`;
  const pieces = 2000;

  test("holds up the engine and not the gateway's memory", async () => {
    let written = 0;
    await using one = await scriptEngine((response) => {
      const more = (): void => {
        while (written < pieces) {
          written += 1;
          if (!response.write(piece)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    });
    await using bench = await openBench([openEntryOf(one, "one")]);
    const socket = connect(bench.port, "127.0.0.1");
    socket.write(post(chatPath, chat("a", { stream: true })));
    let still = 0;
    for (let turns = 0, before = 0; still < 30 && turns < 5000; turns++, before = written) {
      await setTimeout(1);
      still = written > 0 && before === written ? still + 1 : 0;
    }
    expect(still).toBe(30);
    // What the system's own buffers hold on both connections, and no more.
    expect(written).toBeLessThan(pieces / 2);
    const { promise: whole, resolve } = Promise.withResolvers<void>();
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (chunk.toString("latin1").endsWith("0\r\n\r\n")) resolve();
    });
    await whole;
    socket.destroy();
    expect(written).toBe(pieces);
    expect(bytes).toBeGreaterThan(pieces * piece.length);
    await bench.idle();
    await bench.end();
  });

  test("who reads nothing is gone after a while, and the engine is free", async () => {
    const gone = Promise.withResolvers<void>();
    await using one = await scriptEngine((response) => {
      response.on("close", () => gone.resolve());
      const more = (): void => {
        while (response.write(piece));
        response.once("drain", more);
      };
      more();
    });
    await using bench = await openBench([openEntryOf(one, "one")], "limits: { slowClientMs: 200 }");
    using wire = await openWire(bench.port);
    wire.socket.pause();
    wire.write(post(chatPath, chat("a", { stream: true })));
    await gone.promise;
    await bench.idle();
    await bench.end();
  });
});
