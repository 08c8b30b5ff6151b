import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isFault, type Surface } from "../../../src/gateway/call/call.ts";
import { mediaTokens } from "../../../src/gateway/call/prompt-chain.ts";
import { readShape } from "../../../src/gateway/call/read-shape.ts";
import { chainTokens } from "../../../src/model/prefix.ts";
import { shapeOf } from "./replay.ts";
import { portionOf } from "../../support/portion.ts";

const surfaces: readonly Surface[] = ["chat", "completions", "embeddings", "responses", "messages"];
const user = (content: unknown): object => ({ role: "user", content });
const chat = (...messages: readonly object[]): object => ({ model: "m", messages });

function hashes(surface: Surface, body: object): number[] {
  return shapeOf(surface, body).chain.map(({ hash }) => hash);
}

function sharedLinks(surface: Surface, one: object, other: object): number {
  const [left, right] = [hashes(surface, one), hashes(surface, other)];
  const parted = left.findIndex((hash, index) => hash !== right[index]);
  return parted === -1 ? left.length : parted;
}

/** Text without repetition: the numbers from 0 on, six characters each. */
function text(length: number): string {
  return Array.from({ length: Math.ceil(length / 6) }, (_, index) => String(index).padStart(5, "0"))
    .join(" ")
    .padEnd(length)
    .slice(0, length);
}

describe("what is asked for", () => {
  test.each([
    ["chat", { model: "m", messages: [user("hi")], stream: true, max_tokens: 9, n: 3 }, [true, 9, 3]],
    ["chat", { model: "m", messages: [user("hi")], max_tokens: 9, max_completion_tokens: 7 }, [false, 7, 1]],
    ["chat", { model: "m", messages: [user("hi")], max_tokens: null, n: null, stream: null }, [false, undefined, 1]],
    ["completions", { model: "m", prompt: ["a", "b"], n: 2, best_of: 3, max_tokens: 0 }, [false, 0, 6]],
    ["completions", { model: "m", prompt: [[1, 2], [3]] }, [false, undefined, 2]],
    ["embeddings", { model: "m", input: ["a", "b", "c"], max_tokens: "ignored", n: 7 }, [false, undefined, 3]],
    ["embeddings", { model: "m", input: [1, 2, 3] }, [false, undefined, 1]],
    ["embeddings", { model: "m", messages: [user("hi")] }, [false, undefined, 1]],
    ["responses", { model: "m", input: "hi", max_output_tokens: 5, stream: true }, [true, 5, 1]],
    ["responses", { model: "m", instructions: "go on", previous_response_id: "r" }, [false, undefined, 1]],
    ["messages", { model: "m", max_tokens: 8, messages: [user("hi")], stream: true }, [true, 8, 1]],
  ] as const)("%s %j", (surface, body, expected) => {
    const { stream, limitTokens, sequences } = shapeOf(surface, body);
    expect([stream, limitTokens, sequences]).toEqual(expected);
  });

  test("the expected length is Dynamo's hint, if it is one", () => {
    const withHint = (osl: unknown): unknown =>
      shapeOf("chat", { ...chat(user("hi")), nvext: { agent_hints: { osl } } }).expectedTokens;
    expect([300, 0, -1, 1.5, "300", null].map(withHint)).toEqual([300, ...Array.from({ length: 5 })]);
  });
});

describe("faults", () => {
  test.each([
    ["chat", [], undefined, "invalid_type"],
    ["chat", "text", undefined, "invalid_type"],
    ["chat", null, undefined, "invalid_type"],
    ["chat", { messages: [user("hi")] }, "model", "missing_required_parameter"],
    ["chat", { model: 7, messages: [user("hi")] }, "model", "invalid_type"],
    ["chat", { model: "", messages: [user("hi")] }, "model", "invalid_value"],
    ["chat", { model: "m".repeat(257), messages: [user("hi")] }, "model", "invalid_value"],
    ["chat", { model: "m" }, "messages", "missing_required_parameter"],
    ["chat", { model: "m", messages: "hi" }, "messages", "invalid_type"],
    ["chat", { model: "m", messages: [] }, "messages", "empty_array"],
    ["chat", { model: "m", messages: [user("hi"), "there"] }, "messages[1]", "invalid_type"],
    ["chat", { model: "m", messages: [{ content: "hi" }] }, "messages[0].role", "missing_required_parameter"],
    ["chat", { model: "m", messages: [{ role: 1 }] }, "messages[0].role", "invalid_type"],
    ["chat", { model: "m", messages: [user(7)] }, "messages[0].content", "invalid_type"],
    ["chat", { model: "m", messages: [user("hi")], stream: "yes" }, "stream", "invalid_type"],
    ["chat", { model: "m", messages: [user("hi")], n: 0 }, "n", "integer_below_min_value"],
    ["chat", { model: "m", messages: [user("hi")], n: 129 }, "n", "integer_above_max_value"],
    ["chat", { model: "m", messages: [user("hi")], max_tokens: -1 }, "max_tokens", "integer_below_min_value"],
    [
      "chat",
      { model: "m", messages: [user("hi")], max_completion_tokens: 1.5 },
      "max_completion_tokens",
      "invalid_type",
    ],
    ["completions", { model: "m" }, "prompt", "missing_required_parameter"],
    ["completions", { model: "m", prompt: [] }, "prompt", "empty_array"],
    ["completions", { model: "m", prompt: [1, "a"] }, "prompt[1]", "invalid_type"],
    ["completions", { model: "m", prompt: ["a", [1, null]] }, "prompt[1][1]", "invalid_type"],
    ["completions", { model: "m", prompt: ["a", 1] }, "prompt[1]", "invalid_type"],
    ["completions", { model: "m", prompt: "a", best_of: "2" }, "best_of", "invalid_type"],
    ["embeddings", { model: "m", input: {} }, "input", "invalid_type"],
    ["embeddings", { model: "m" }, "input", "missing_required_parameter"],
    ["responses", { model: "m" }, "input", "missing_required_parameter"],
    ["responses", { model: "m", input: [1] }, "input[0]", "invalid_type"],
    ["responses", { model: "m", input: "a", max_output_tokens: [] }, "max_output_tokens", "invalid_type"],
    ["messages", { model: "m", messages: [user("hi")], system: 5 }, "system", "invalid_type"],
  ] as const)("%s %j", (surface, body, param, code) => {
    const fault = readShape(surface, body);
    expect(fault).toMatchObject({ status: 400, type: "invalid_request_error", code });
    expect("param" in fault ? fault.param : undefined).toBe(param);
  });

  test("a fault says what was expected and what was found", () => {
    expect(readShape("chat", { model: "m", messages: [user({})] })).toMatchObject({
      message: "Invalid type for 'messages[0].content': expected a string or an array of parts, but got an object.",
    });
  });
});

describe("the chain", () => {
  test("has a link a message, and a conversation that goes on keeps those it had", () => {
    const first = chat({ role: "system", content: "be kind" }, user("hi"));
    const second = chat(
      { role: "system", content: "be kind" },
      user("hi"),
      { role: "assistant", content: "ho" },
      user("he"),
    );
    expect([hashes("chat", first).length, hashes("chat", second).length]).toEqual([2, 4]);
    expect(sharedLinks("chat", first, second)).toBe(2);
  });

  test("says how much of it is the last message, however many links that has", () => {
    const system = { role: "system", content: text(4000) };
    const lastOf = (surface: Surface, body: object) => {
      const { lastTokens, promptTokens } = shapeOf(surface, body);
      return [lastTokens, promptTokens];
    };
    const [last = 0, all = 0] = lastOf("chat", chat(system, user(text(9000))));
    expect(last).toBeGreaterThan(2250);
    expect(last).toBeLessThan(2270);
    expect(all - last).toBeGreaterThan(1000);
    const [short = 0] = lastOf("chat", chat(system, user(text(9000)), user("hi")));
    expect(short).toBeLessThan(10);
    expect(lastOf("completions", { model: "m", prompt: text(8192) })).toEqual([2048, 2048]);
  });

  test("splits a long text by the KiB, so that documents match up to where they part", () => {
    const document = text(100_000);
    const changed = `${document.slice(0, 50_000)}!${document.slice(50_001)}`;
    expect(hashes("chat", chat(user(document)))).toHaveLength(Math.ceil(100_000 / 1024));
    expect(sharedLinks("chat", chat(user(document)), chat(user(changed)))).toBe(Math.floor(50_000 / 1024));
    expect(
      sharedLinks("completions", { model: "m", prompt: document }, { model: "m", prompt: `${document} more` }),
    ).toBe(Math.floor(100_000 / 1024));
  });

  test.each([
    ["a text and its halves", chat(user("ab")), chat(user(["a", "b"]))],
    ["roles", chat(user("a")), chat({ role: "assistant", content: "a" })],
    ["where a message ends", chat(user("a"), user("b")), chat(user("ab"))],
    ["nesting", chat(user([["a"], "b"])), chat(user([["a", "b"]]))],
    ["numbers and texts", chat(user([1])), chat(user(["1"]))],
    ["long texts that end in zero bytes", chat(user(`${text(60)}\0`)), chat(user(`${text(60)}\0\0`))],
    ["tool calls", chat({ role: "assistant", tool_calls: [{ id: "1" }] }), chat({ role: "assistant", tool_calls: [] })],
    ["tools", { ...chat(user("a")), tools: [{ name: "f" }] }, chat(user("a"))],
    [
      "images",
      chat(user([{ type: "image_url", image_url: { url: "data:1" } }])),
      chat(user([{ type: "image_url", image_url: { url: "data:2" } }])),
    ],
  ])("tells apart %s", (_, one, other) => {
    expect(sharedLinks("chat", one, other)).toBe(0);
  });

  test("tells apart signs that lie across the border of two pieces", () => {
    const ends = ["😀", "😁"].map((sign) => hashes("chat", chat(user(`${"x".repeat(16_383)}${sign}`))).at(-1));
    expect(ends[0]).not.toBe(ends[1]);
  });

  test.each([
    [
      "where the cache marks are",
      chat(user([{ type: "text", text: "a", cache_control: { type: "ephemeral" } }])),
      chat(user([{ type: "text", text: "a" }])),
    ],
    ["fields that are null", chat({ ...user("a"), name: null }), chat(user("a"))],
    ["a field of no prompt", { ...chat(user("a")), temperature: 1, user: "u" }, chat(user("a"))],
    ["the key that prompts are grouped by", { ...chat(user("a")), prompt_cache_key: "k" }, chat(user("a"))],
  ])("is the same whatever %s", (_, one, other) => {
    expect(hashes("chat", one)).toEqual(hashes("chat", other));
  });

  test.each([{ cache_salt: "s" }, { nvext: { cache_salt: "s" } }])("%j sets prompts apart without counting", (salt) => {
    const plain = chat(user(text(5000)));
    expect(sharedLinks("chat", { ...plain, ...salt }, plain)).toBe(0);
    expect(hashes("chat", { ...plain, ...salt })).toEqual(hashes("chat", { ...plain, cache_salt: "s" }));
    expect(shapeOf("chat", { ...plain, ...salt }).promptTokens).toBe(shapeOf("chat", plain).promptTokens);
  });

  test("tools and instructions come before the messages", () => {
    const tools = [{ name: "f", description: text(2000) }];
    const one = { model: "m", system: "be kind", tools, messages: [user("a")] };
    const links = hashes("messages", one).length;
    expect(sharedLinks("messages", one, { ...one, messages: [user("b")] })).toBe(links - 1);
    expect(sharedLinks("messages", one, { ...one, system: "be short" })).toBe(links - 2);
    expect(sharedLinks("messages", one, { ...one, tools: [] })).toBe(0);
    const response = { model: "m", instructions: "be kind", input: [user("a")] };
    expect(sharedLinks("responses", response, { ...response, input: "b" })).toBe(1);
  });

  const billing = (count: number): string => `x-anthropic-billing-header: cc_version=2.1; cch=${count};`;
  test.each([
    [
      "a block",
      (count: number) => ({
        model: "m",
        system: [
          { type: "text", text: billing(count) },
          { type: "text", text: "be kind" },
        ],
        messages: [user("a")],
      }),
    ],
    ["a line", (count: number) => ({ model: "m", system: `${billing(count)}\nbe kind`, messages: [user("a")] })],
    [
      "a line of a block",
      (count: number) => ({
        model: "m",
        system: [{ type: "text", text: `${billing(count)}\nbe kind` }],
        messages: [user("a")],
      }),
    ],
    [
      "a line of a system message",
      (count: number) => chat({ role: "system", content: `${billing(count)}\nbe kind` }, user("a")),
    ],
  ])("leaves Claude Code's billing header out: %s", (_, body) => {
    expect(hashes("messages", body(1))).toEqual(hashes("messages", body(2)));
    expect(JSON.stringify(body(1))).not.toBe(JSON.stringify(body(2)));
  });

  test("a block that is but a billing header is as good as none", () => {
    const kind = { type: "text", text: "be kind" };
    const body = (...system: readonly object[]): object => ({ model: "m", system, messages: [user("a")] });
    expect(hashes("messages", body({ type: "text", text: billing(1) }, kind))).toEqual(hashes("messages", body(kind)));
  });

  test("a billing header in what the user says is the user's", () => {
    expect(sharedLinks("chat", chat(user(billing(1))), chat(user(billing(2))))).toBe(0);
  });

  test("what is nested too deep is not told apart, and does no harm", () => {
    const nested = (depth: number, inside: unknown): unknown => (depth === 0 ? inside : [nested(depth - 1, inside)]);
    expect(hashes("chat", chat(user(nested(2000, "a"))))).toEqual(hashes("chat", chat(user(nested(2000, "b")))));
    expect(hashes("chat", chat(user(nested(20, "a"))))).not.toEqual(hashes("chat", chat(user(nested(20, "b")))));
  });

  test("a prompt of very many blocks ends in one long link", () => {
    const { chain, promptTokens } = shapeOf("completions", { model: "m", prompt: "x".repeat(5_000_000) });
    expect([chain.length, promptTokens]).toEqual([4096, 1_250_000]);
    expect(chain.at(-1)?.tokens).toBe((5_000_000 - 4095 * 1024) / 4);
  });

  test("hashes of many short prompts are all different", () => {
    const seen = new Set<number>();
    for (let index = 0; index < 50_000; index++) {
      for (const { hash } of shapeOf("completions", { model: "m", prompt: String(index) }).chain) seen.add(hash);
    }
    expect(seen.size).toBe(50_000);
  });
});

describe("tokens", () => {
  const tokensOf = (surface: Surface, body: object): number => shapeOf(surface, body).promptTokens;

  test("are a quarter of the UTF-8 bytes of keys and values", () => {
    expect(tokensOf("completions", { model: "m", prompt: "x".repeat(4000) })).toBe(1000);
    expect(tokensOf("completions", { model: "m", prompt: "é漢😀".repeat(100) })).toBe((9 * 100) / 4);
    expect(tokensOf("completions", { model: "m", prompt: "é漢😀" })).toBe(Math.ceil(9 / 4));
    expect(tokensOf("chat", chat(user("hi")))).toBe(Math.ceil("roleusercontenthi".length / 4));
  });

  test("are exact where the prompt is token ids", () => {
    expect(tokensOf("completions", { model: "m", prompt: Array.from({ length: 777 }, (_, id) => id) })).toBe(777);
    expect(
      tokensOf("completions", {
        model: "m",
        prompt: [
          [1, 2, 3],
          [4, 5],
        ],
      }),
    ).toBe(5);
    expect(tokensOf("embeddings", { model: "m", input: [[1], [2], [3]] })).toBe(3);
  });

  test("an image counts the same whatever its size, and a document that is text as text", () => {
    const image = (bytes: number): object => ({ type: "image_url", image_url: { url: `data:${text(bytes)}` } });
    const frame = tokensOf("chat", chat(user([])));
    expect(tokensOf("chat", chat(user([image(10)])))).toBe(frame + mediaTokens);
    expect(hashes("chat", chat(user([image(100_000)])))).toHaveLength(1);
    expect(tokensOf("chat", chat(user([image(100_000), image(10)])))).toBe(frame + 2 * mediaTokens);
    const source = { type: "text", data: "x".repeat(40_000) };
    expect(tokensOf("messages", chat(user([{ type: "document", source }])))).toBeGreaterThan(10_000);
  });

  test("an empty prompt counts one", () => {
    expect(tokensOf("completions", { model: "m", prompt: "" })).toBe(1);
  });
});

describe("any JSON", () => {
  const part = fc.oneof(
    fc.jsonValue(),
    fc.record({ type: fc.constantFrom("text", "image_url", "document"), text: fc.string(), source: fc.jsonValue() }),
  );
  const message = fc.record(
    {
      role: fc.oneof(fc.constantFrom("system", "user", "assistant", "tool"), fc.jsonValue()),
      content: fc.oneof(fc.string(), fc.array(part), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  const body = fc.record(
    {
      model: fc.oneof(fc.constant("m"), fc.jsonValue()),
      messages: fc.oneof(fc.array(message), fc.jsonValue()),
      input: fc.oneof(fc.array(fc.oneof(message, fc.string())), fc.array(fc.nat()), fc.jsonValue()),
      prompt: fc.oneof(fc.string(), fc.array(fc.nat()), fc.jsonValue()),
      system: fc.jsonValue(),
      tools: fc.jsonValue(),
      nvext: fc.jsonValue(),
      cache_salt: fc.jsonValue(),
      n: fc.oneof(fc.nat(200), fc.jsonValue()),
      max_tokens: fc.jsonValue(),
    },
    { requiredKeys: ["model"] },
  );

  test("is a shape that holds together, or a fault", () => {
    fc.assert(
      fc.property(fc.constantFrom(...surfaces), fc.oneof(body, fc.jsonValue()), (surface, value) => {
        const sent: unknown = JSON.parse(JSON.stringify(value));
        const shape = readShape(surface, sent);
        expect(readShape(surface, sent)).toEqual(shape);
        if (isFault(shape)) {
          expect([shape.status, shape.type]).toEqual([400, "invalid_request_error"]);
          return;
        }
        expect(chainTokens(shape.chain)).toBe(shape.promptTokens);
        expect(shape.promptTokens).toBeGreaterThan(0);
        expect(shape.sequences).toBeGreaterThan(0);
        expect(shape.chain.every(({ hash }) => Number.isSafeInteger(hash) && hash >= 0)).toBe(true);
        expect(new Set(shape.chain.map(({ hash }) => hash)).size).toBe(shape.chain.length);
      }),
      { numRuns: portionOf(200) },
    );
  });

  const beginning = text(20_000);
  test("texts that begin alike share what they share, wherever they part", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "é", "漢", "😀", "\ud800", "\0"), minLength: 1 }),
        fc.nat(40),
        fc.nat(20_000),
        (unit, times, at) => {
          const long = `${beginning.slice(0, at)}${unit.repeat(times + 1)}`;
          const prompt = (end: string): object => ({ model: "m", prompt: `${long}${end}` });
          const whole = Math.floor(at / 1024);
          expect(sharedLinks("completions", prompt("a"), prompt("b"))).toBeGreaterThanOrEqual(whole);
          expect(hashes("completions", prompt("a")).at(-1)).not.toBe(hashes("completions", prompt("b")).at(-1));
        },
      ),
      { numRuns: portionOf(100) },
    );
  });
});
