import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EmulatedEngine } from "../../../src/emulate/start-engine.ts";
import { ask, chatOf, engineOf, eventsIn, other, send, small } from "../support.ts";

let engine: EmulatedEngine;
let client: OpenAI;

beforeAll(async () => {
  engine = await engineOf();
  client = new OpenAI({ baseURL: `${engine.url}/v1`, apiKey: "none", maxRetries: 0 });
});
afterAll(() => engine.close());

const messages = [{ role: "user" as const, content: "What is it?".repeat(40) }];
const model = small.id;
const tools = [
  { type: "function" as const, function: { name: "look_up", parameters: { type: "object", properties: {} } } },
];

describe("chat", () => {
  test("a whole answer, with its usage", async () => {
    const answer = await client.chat.completions.create({ model, messages, max_tokens: 30 });
    const [choice] = answer.choices;
    expect(answer.usage!.prompt_tokens).toBe(110);
    expect(choice!.message.content!.length).toBe(4 * answer.usage!.completion_tokens);
    expect(answer.usage!.total_tokens).toBe(110 + answer.usage!.completion_tokens);
    expect(["stop", "length"]).toContain(choice!.finish_reason);
  });

  test("the same answer as a stream, and its usage if that is asked for", async () => {
    const asked = { model, messages, max_completion_tokens: 30 } as const;
    const whole = await client.chat.completions.create(asked);
    const stream = await client.chat.completions.create({
      ...asked,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await collect(stream);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    expect(text).toBe(whole.choices[0]!.message.content);
    expect(chunks[0]!.choices[0]!.delta.role).toBe("assistant");
    expect(chunks.at(-2)!.choices[0]!.finish_reason).toBe(whole.choices[0]!.finish_reason);
    expect(chunks.at(-1)!.usage).toEqual({ ...whole.usage, prompt_tokens_details: { cached_tokens: 6 * 16 } });
  });

  test("a length asked for is kept, up to the limit", async () => {
    const lengthOf = async (body: object, headers = {}): Promise<unknown> => {
      const { usage, choices } = await ask(engine.url, "/v1/chat/completions", chatOf("x", body), headers);
      return [usage.completion_tokens, choices[0].finish_reason];
    };
    expect(await lengthOf({}, { "x-emulate-output-tokens": "37" })).toEqual([37, "stop"]);
    expect(await lengthOf({ emulate: { output_tokens: 41 } })).toEqual([41, "stop"]);
    expect(await lengthOf({ max_tokens: 20 }, { "x-emulate-output-tokens": "37" })).toEqual([20, "length"]);
    expect(await lengthOf({ max_tokens: 3 })).toEqual([3, "length"]);
    expect(await lengthOf({ max_tokens: 99, ignore_eos: true })).toEqual([99, "length"]);
  });

  test("several answers differ, and a stop sequence ends one", async () => {
    const answer = await client.chat.completions.create({ model, messages, n: 3, max_tokens: 50 });
    const texts = answer.choices.map((choice) => choice.message.content!);
    expect(new Set(texts).size).toBe(3);
    expect(answer.choices.map((choice) => choice.index)).toEqual([0, 1, 2]);
    const stop = texts[0]!.slice(20, 23);
    const stopped = await client.chat.completions.create({ model, messages, max_tokens: 50, stop });
    expect(stopped.choices[0]!.message.content).toBe(texts[0]!.slice(0, texts[0]!.indexOf(stop)));
    expect(stopped.choices[0]!.finish_reason).toBe("stop");
  });

  test("a tool that must be called is called, without arguments", async () => {
    const asked = { model, messages, tools, tool_choice: "required" as const };
    const answer = await client.chat.completions.create(asked);
    expect(answer.choices[0]!.finish_reason).toBe("tool_calls");
    expect(answer.choices[0]!.message.tool_calls).toMatchObject([
      { type: "function", function: { name: "look_up", arguments: "{}" } },
    ]);
    const chunks = await collect(await client.chat.completions.create({ ...asked, stream: true }));
    const calls = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
    expect(calls[0]!.function!.name).toBe("look_up");
    expect(calls.map((call) => call.function!.arguments).join("")).toBe("{}");
    const free = await client.chat.completions.create({ ...asked, tool_choice: "auto" });
    expect(free.choices[0]!.message.tool_calls).toBeUndefined();
  });

  test("what cannot be read is refused in OpenAI's shape", async () => {
    for (const [body, param] of [
      [{ model }, "messages"],
      [{ messages }, "model"],
      [chatOf("x", { max_tokens: 0 }), "max_tokens"],
      [chatOf("x", { n: 1.5 }), "n"],
      [chatOf("x", { stream: "yes" }), "stream"],
    ] as const) {
      const { status, text } = await send(engine.url, "/v1/chat/completions", body);
      expect([status, JSON.parse(text).error.type, JSON.parse(text).error.param]).toEqual([
        400,
        "invalid_request_error",
        param,
      ]);
    }
    expect((await send(engine.url, "/v1/chat/completions", "{")).status).toBe(400);
    expect((await send(engine.url, "/v1/chat/completions", { ...chatOf("x"), model: "unknown" })).status).toBe(404);
    expect((await send(engine.url, "/v1/nothing", {})).status).toBe(404);
    const long = await send(engine.url, "/v1/chat/completions", chatOf("x".repeat(4_000_000)));
    expect([long.status, JSON.parse(long.text).error.code]).toEqual([400, "context_length_exceeded"]);
  });

  test("what is nested deeper than parts ever are is no text", async () => {
    const nested = (depth: number, text: string): string => "[".repeat(depth) + text + "]".repeat(depth);
    const counted = async (content: string): Promise<number> => {
      const body = `{"model":"${model}","max_tokens":1,"messages":[{"role":"user","content":${content}}]}`;
      return (await ask(engine.url, "/v1/chat/completions", body)).usage.prompt_tokens;
    };
    const long = JSON.stringify("word ".repeat(100));
    expect(await counted(nested(3, long))).toBe(await counted(long));
    expect(await counted(nested(100_000, long))).toBe(await counted(nested(1, "")));
  });
});

test("completions: one prompt or several, text or token ids", async () => {
  const one = await client.completions.create({ model, prompt: "x".repeat(40), max_tokens: 20 });
  expect([one.object, one.usage!.prompt_tokens]).toEqual(["text_completion", 10]);
  const two = await client.completions.create({ model, prompt: [[1, 2, 3], [4]], max_tokens: 20 });
  expect([two.usage!.prompt_tokens, two.choices.length]).toEqual([4, 2]);
  const stream = await client.completions.create({ model, prompt: ["a", "b"], max_tokens: 20, stream: true });
  const texts = ["", ""];
  for await (const { choices } of stream) for (const { index, text } of choices) texts[index] += text;
  const whole = await client.completions.create({ model, prompt: ["a", "b"], max_tokens: 20 });
  expect(texts).toEqual(whole.choices.map((choice) => choice.text));
});

test("embeddings: equal texts have equal directions, in both encodings", async () => {
  const base64 = await client.embeddings.create({ model, input: ["a cat", "a dog", "a cat"], dimensions: 8 });
  const plain = await client.embeddings.create({ model, input: "a cat", dimensions: 8, encoding_format: "float" });
  const [cat, dog, again] = base64.data.map((each) => each.embedding);
  expect(cat).toEqual(again);
  expect(cat).not.toEqual(dog);
  expect(plain.data[0]!.embedding.length).toBe(8);
  expect(plain.data[0]!.embedding.map((value) => Math.fround(value))).toEqual(cat!.map((value) => Math.fround(value)));
});

test("responses: text and a called function, whole and as a stream", async () => {
  const answer = await client.responses.create({ model, input: "Say it.", max_output_tokens: 400 });
  expect([answer.status, answer.output_text.length]).toEqual(["completed", 4 * answer.usage!.output_tokens]);
  const events = await collect(
    await client.responses.create({ model, input: "Say it.", max_output_tokens: 400, stream: true }),
  );
  const deltas = events.flatMap((event) => (event.type === "response.output_text.delta" ? [event.delta] : []));
  expect(deltas.join("")).toBe(answer.output_text);
  expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
  expect([events[0]!.type, events.at(-1)!.type]).toEqual(["response.created", "response.completed"]);
  const cut = await client.responses.create({ model, input: "Say it.", max_output_tokens: 5 });
  expect([cut.status, cut.incomplete_details!.reason]).toEqual(["incomplete", "max_output_tokens"]);
  const look = { type: "function" as const, name: "look_up", parameters: {}, strict: false };
  const called = await client.responses.create({ model, input: "x", tools: [look], tool_choice: "required" });
  expect(called.output).toMatchObject([{ type: "function_call", name: "look_up", arguments: "{}" }]);
});

test("messages, as Anthropic writes them", async () => {
  const body = {
    model,
    max_tokens: 30,
    system: "Be brief.",
    messages: [{ role: "user", content: [{ type: "text", text: "Why?" }] }],
  };
  const whole = await ask(engine.url, "/v1/messages", body);
  expect(whole).toMatchObject({
    type: "message",
    role: "assistant",
    usage: { input_tokens: 4, cache_read_input_tokens: 0 },
  });
  const stream = await send(engine.url, "/v1/messages", { ...body, stream: true });
  const events = eventsIn(stream.text);
  expect([...stream.text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name)).toEqual(
    events.map((event) => event.type),
  );
  expect(events.flatMap((event) => event.delta?.text ?? []).join("")).toBe(whole.content[0].text);
  expect(events.map((event) => event.type).filter((type) => type !== "content_block_delta")).toEqual([
    "message_start",
    "content_block_start",
    "content_block_stop",
    "message_delta",
    "message_stop",
  ]);
  expect(events.at(-2).usage.output_tokens).toBe(whole.usage.output_tokens);
  const called = await ask(engine.url, "/v1/messages", {
    ...body,
    tools: [{ name: "look_up" }],
    tool_choice: { type: "any" },
  });
  expect([called.stop_reason, called.content[0].name]).toEqual(["tool_use", "look_up"]);
  const refused = await send(engine.url, "/v1/messages", { ...body, model: "unknown" });
  expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
    404,
    { type: "error", error: { type: "not_found_error" } },
  ]);
});

test("the next turn of a conversation finds prompt and answer cached", async () => {
  const first = "Tell me more. ".repeat(32);
  const asked = { max_tokens: 64, ignore_eos: true };
  const answer = await ask(engine.url, "/v1/chat/completions", chatOf(first, asked));
  const said = answer.choices[0].message.content as string;
  const next = [
    { role: "user", content: first },
    { role: "assistant", content: said },
    { role: "user", content: "And?" },
  ];
  const { usage } = await ask(engine.url, "/v1/chat/completions", { ...chatOf("", asked), messages: next });
  const bytes = first.length + said.length;
  expect(usage.prompt_tokens_details.cached_tokens).toBe(Math.floor(bytes / 64) * 16);
  const salted = await ask(engine.url, "/v1/chat/completions", { ...chatOf(first, asked), cache_salt: "mine" });
  expect(salted.usage.prompt_tokens_details.cached_tokens).toBe(0);
});

test("equal seeds give equal answers, other seeds and models others", async () => {
  await using same = await engineOf({ id: "same" });
  await using reseeded = await engineOf({ seed: 2, models: [small, other] });
  const textOf = async ({ url }: EmulatedEngine, change = {}): Promise<string> =>
    (await ask(url, "/v1/chat/completions", { ...chatOf("Hello"), ...change })).choices[0].message.content;
  const text = await textOf(engine);
  expect(await textOf(same)).toBe(text);
  expect(await textOf(reseeded)).not.toBe(text);
  expect(await textOf(reseeded, { model: other.id })).not.toBe(await textOf(reseeded));
});

async function collect<T>(stream: AsyncIterable<T>): Promise<readonly T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
