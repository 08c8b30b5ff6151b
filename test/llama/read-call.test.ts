import fc from "fast-check";
import { expect, test } from "vitest";
import { CallError, readCall } from "../../src/llama/read-call.ts";

const whole = { model: "m", messages: [{ role: "user", content: "hi" }] };

function faultOf(body: unknown): string {
  try {
    readCall(typeof body === "string" ? body : JSON.stringify(body), "chat");
    return "none";
  } catch (error) {
    if (error instanceof CallError) return `${error.code} ${error.param}`;
    throw error;
  }
}

test("what is left out has its usual value", () => {
  expect(readCall(JSON.stringify(whole), "chat")).toEqual({
    model: "m",
    prompt: { kind: "chat", messages: whole.messages },
    stream: false,
    includeUsage: false,
    temperature: 0,
    stop: [],
  });
});

test("parts of text are one text, and the newer name of the limit goes before", () => {
  const content = [
    { type: "text", text: "a" },
    { type: "text", text: "b" },
  ];
  const call = { model: "m", messages: [{ role: "user", content }], max_tokens: 1, max_completion_tokens: 2 };
  expect(readCall(JSON.stringify(call), "chat")).toMatchObject({
    prompt: { messages: [{ role: "user", content: "ab" }] },
    maxTokens: 2,
  });
});

test.each([
  ["{", "invalid_json null"],
  [[], "invalid_json null"],
  [{ ...whole, model: 1 }, "invalid_value model"],
  [
    { ...whole, messages: [{ role: "user", content: [{ type: "image_url" }] }] },
    "invalid_value messages[0].content[0]",
  ],
  [{ ...whole, max_tokens: 0 }, "invalid_value max_tokens"],
  [{ ...whole, n: 2 }, "unsupported_parameter n"],
  [{ ...whole, response_format: { type: "json_object" } }, "unsupported_parameter response_format"],
  [{ ...whole, response_format: { type: "text" }, tools: [], logprobs: false, n: 1, temperature: null }, "none"],
  [{ ...whole, stop: [""] }, "invalid_value stop"],
])("%j: %s", (body, fault) => {
  expect(faultOf(body)).toBe(fault);
});

test("whatever comes in, a call or a fault comes out", () => {
  const odd = fc.record(
    {
      model: fc.oneof(fc.string(), fc.jsonValue()),
      messages: fc.oneof(fc.jsonValue(), fc.array(fc.record({ role: fc.string(), content: fc.jsonValue() }))),
      max_tokens: fc.jsonValue(),
      stop: fc.jsonValue(),
      temperature: fc.jsonValue(),
      stream_options: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(odd, fc.jsonValue(), fc.string()), (body) => {
      expect(faultOf(body)).toMatch(/^(none|[a-z_]+ .+)$/);
    }),
    { numRuns: 200 },
  );
});
