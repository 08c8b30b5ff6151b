/** What goes through the gateway: every surface, whole and streamed, byte for byte as the engine answers. */

import { describe, expect, test } from "vitest";
import { chat, chatPath, errorOf, openWire, post, send } from "./client.ts";
import { engine, entryOf, model, openBench, openEntryOf } from "./gateway.ts";
import { scriptEngine } from "./scripted-engine.ts";

const messages = [{ role: "user", content: "Say something about rivers." }];

const surfaces = [
  { path: "/v1/chat/completions", body: { model, messages, max_tokens: 24 } },
  { path: "/v1/completions", body: { model, prompt: "A river", max_tokens: 24 } },
  { path: "/v1/embeddings", body: { model, input: ["a river", "a lake"] } },
  { path: "/v1/responses", body: { model, input: "A river", max_output_tokens: 24, store: false } },
  { path: "/v1/messages", body: { model, messages, max_tokens: 24 } },
  { path: "/v1/messages?beta=true", body: { model, messages, max_tokens: 24 } },
];

/** Ids and times are drawn anew for every answer. */
function withoutIds(text: string): string {
  return text.replaceAll(/"(id|item_id|created|created_at|completed_at)":("[^"]*"|\d+)/g, '"$1":0');
}

describe("an answer is the engine's own", () => {
  const ways = surfaces.flatMap(({ path, body }) =>
    [false, true].flatMap((stream) => (stream && path === "/v1/embeddings" ? [] : [{ path, stream, body }])),
  );
  test("of every surface, whole and streamed", async () => {
    // With a speed, how words are gathered into pieces would be the machine's luck.
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")]);
    for (const { path, stream, body } of ways) {
      const asked = stream ? { ...body, stream } : body;
      const direct = await send(one.url, path, asked);
      const through = await send(bench.url, path, asked);
      expect(through.status, path).toBe(200);
      expect(withoutIds(through.text), path).toBe(withoutIds(direct.text));
      expect(through.headers["content-type"], path).toBe(direct.headers["content-type"]);
      expect(through.headers["x-fate-route"], path).toMatch(
        /^one; \S+; plan-age-ms [\d.]+; waited-ms [\d.]+; cached \d+$/,
      );
      expect(through.headers["x-fate-overhead-ms"], path).toMatch(/^\d+\.\d{3}$/);
    }
    await bench.idle();
    expect(one.stats().running).toBe(0);
    await bench.end();
  });
});

describe("what an engine is sent", () => {
  test("is the client's body, whatever stands in it", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")]);
    const body = `{ "model":"${model}" , "messages":[{"role":"user","content":"\\u00e9é\\ud83d\\ude00"}],
      "seed":9223372036854775807, "x":1e400, "y":-0.0, "z":1.10, "dup":1, "dup":2,
      "__proto__":{"stream":true}, "constructor":{"prototype":{"polluted":1}}, "unknown":{"deep":[[[]]]} }`;
    expect((await send(bench.url, chatPath, body)).status).toBe(200);
    expect(one.received.map((each) => each.body.toString())).toEqual([body]);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    await bench.end();
  });

  test("lacks only what was said to the gateway", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")]);
    const body = (ours: string): string =>
      `{"model":"${model}", ${ours}"seed":18446744073709551615, "messages":[{"role":"user","content":"a"}] }`;
    const answer = await send(bench.url, chatPath, body('"workflow":{"id":"w","stage":"s"}, '));
    expect([answer.status, answer.headers["x-fate-workflow"]]).toEqual([200, "default%2Fw"]);
    expect((await send(bench.url, chatPath, body('"workflow":null, '))).status).toBe(200);
    expect(one.received.map((each) => each.body.toString())).toEqual([body(""), body("")]);
  });

  test("bears the engine's own name of the model, and is the same beside it", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    const entry = `{ id: one, kind: openai, url: "${one.url}", gpu: l4-24g, models: [{ id: ${model}, as: "acme/llama" }] }`;
    await using bench = await openBench([entry], `models: [{ id: ${model}, aliases: [small] }]`);
    const body = (name: string): string =>
      `{"model": "${name}",  "seed":18446744073709551615, "messages":[{"role":"user","content":"a"}] }`;
    for (const name of [model, "small"]) expect((await send(bench.url, chatPath, body(name))).status).toBe(200);
    expect(one.received.map((each) => each.body.toString())).toEqual([body("acme/llama"), body("acme/llama")]);
  });

  test("comes together from the smallest pieces", async () => {
    await using one = await scriptEngine((response) => response.end("{}"));
    await using bench = await openBench([openEntryOf(one, "one")]);
    const body = JSON.stringify(chat("äöü"));
    using wire = await openWire(bench.port);
    wire.socket.setNoDelay(true);
    wire.write(`POST ${chatPath} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n`);
    for (const byte of Buffer.from(body)) wire.write(Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a]));
    wire.write("0\r\n\r\n");
    await wire.until(/HTTP\/1\.1 200 /);
    expect(one.received.map((each) => each.body.toString())).toEqual([body]);
  });
});

test("an embedding has no tokens of output, however long it is", async () => {
  const answer = JSON.stringify({ data: [{ embedding: [0.25, 0.5] }], usage: { prompt_tokens: 3, total_tokens: 3 } });
  await using one = await scriptEngine((response) => response.end(answer));
  await using bench = await openBench([openEntryOf(one, "one")]);
  expect((await send(bench.url, "/v1/embeddings", { model, input: "a" })).text).toBe(answer);
  const { text } = await send(bench.url, "/metrics");
  expect(text).toContain('fate_tenant_tokens_total{tenant="default",type="input"} 3\n');
  expect(text).toContain('fate_tenant_tokens_total{tenant="default",type="output"} 0\n');
});

describe("models", () => {
  test("are those of all engines, once each", async () => {
    await using one = await engine();
    await using bench = await openBench([
      entryOf(one, "one"),
      "{ kind: emulated, gpu: h100-80g, models: [qwen3-1.7b, llama-3.2-1b], speed: 1000 }",
    ]);
    const listed = JSON.parse((await send(bench.url, "/v1/models")).text);
    expect(listed.data.map((each: { id: string }) => each.id).toSorted()).toEqual([model, "qwen3-1.7b"]);
    expect(JSON.parse((await send(bench.url, `/v1/models/${model}`)).text)).toMatchObject({
      id: model,
      object: "model",
    });
    const none = await send(bench.url, "/v1/models/none");
    expect([none.status, errorOf(none)]).toMatchObject([
      404,
      {
        code: "model_not_found",
        param: "model",
        message: `No engine has a model 'none': there are ${model}, qwen3-1.7b.`,
      },
    ]);
    expect((await send(bench.url, "/v1/models", undefined, {}, "HEAD")).text).toBe("");
  });
});

describe("faults", () => {
  test("have OpenAI's shape, and Anthropic's where its clients ask", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")]);
    const cases: readonly (readonly [string, unknown, number, string])[] = [
      [chatPath, "{", 400, "invalid_json"],
      [chatPath, "[]", 400, "invalid_type"],
      [chatPath, { messages }, 400, "missing_required_parameter"],
      [chatPath, { model, messages: "a" }, 400, "invalid_type"],
      [chatPath, { model: "none", messages }, 404, "model_not_found"],
      ["/v1/none", {}, 404, "not_found"],
    ];
    for (const [path, body, status, code] of cases) {
      const answer = await send(bench.url, path, body);
      expect([answer.status, errorOf(answer).code], JSON.stringify(body)).toEqual([status, code]);
      expect(Object.keys(errorOf(answer)).toSorted()).toEqual(["code", "message", "param", "type"]);
    }
    const anthropic = await send(bench.url, "/v1/messages", { model: "none", messages, max_tokens: 1 });
    expect(anthropic.status).toBe(404);
    expect(JSON.parse(anthropic.text)).toEqual({
      type: "error",
      error: { type: "not_found_error", message: `No engine has a model 'none': there are ${model}.` },
    });
  });

  test("of methods say which is right", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")]);
    const cases: readonly (readonly [string, string, number, string | undefined])[] = [
      ["GET", chatPath, 405, "POST"],
      ["HEAD", chatPath, 405, "POST"],
      ["OPTIONS", chatPath, 405, "POST"],
      ["PUT", chatPath, 405, "POST"],
      ["OPTIONS", "/v1/models", 405, "GET"],
      ["DELETE", "/healthz", 405, "GET"],
      ["POST", "/nowhere", 404, undefined],
      ["HEAD", "/healthz", 200, undefined],
      ["HEAD", "/nowhere", 404, undefined],
      ["GET", "/readyz", 200, undefined],
    ];
    for (const [method, path, status, allow] of cases) {
      const answer = await send(bench.url, path, undefined, {}, method);
      expect([answer.status, answer.headers["allow"]], `${method} ${path}`).toEqual([status, allow]);
    }
  });
});

describe("a connection", () => {
  test("is used again after every kind of answer", async () => {
    await using one = await engine();
    await using bench = await openBench([entryOf(one, "one")]);
    using wire = await openWire(bench.port);
    const asked = [
      [post(chatPath, chat("a")), 200],
      [post(chatPath, chat("a", { stream: true })), 200],
      [post(chatPath, "{"), 400],
      [post(chatPath, chat("a", { model: "none" })), 404],
      [post("/nowhere", "{}"), 404],
      ["GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n", 200],
      ["HEAD /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n", 200],
      [post(chatPath, chat("b")), 200],
    ] as const;
    const answers = (said: string): number => said.split("HTTP/1.1 ").length - 1;
    let count = 0;
    for (const [text, status] of asked) {
      wire.write(text);
      count += 1;
      const said = await wire.until((so) => answers(so) === count && isWhole(so.slice(so.lastIndexOf("HTTP/1.1 "))));
      expect(said.slice(said.lastIndexOf("HTTP/1.1 "))).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    }
    wire.write(asked.map(([text]) => text).join(""));
    await wire.until((so) => answers(so) === 2 * asked.length && isWhole(so.slice(so.lastIndexOf("HTTP/1.1 "))));
    await bench.idle();
    await bench.end();
  });

  function isWhole(answer: string): boolean {
    const end = answer.indexOf("\r\n\r\n");
    if (end < 0) return false;
    if (/transfer-encoding: chunked/i.test(answer)) return answer.endsWith("0\r\n\r\n");
    const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0);
    return answer.length - end - 4 >= (answer.includes("text/plain") ? 0 : length);
  }
});
