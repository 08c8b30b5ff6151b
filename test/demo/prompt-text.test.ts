import fc from "fast-check";
import { expect, test } from "vitest";
import { createPromptWriter, writeText } from "../../src/demo/prompt-text.ts";
import type { Segment } from "../../src/model/workflow.ts";

test("four bytes are a token, and a shorter text of a key is the beginning of a longer one", () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(40), fc.nat(40), (key, left, right) => {
      expect(Buffer.byteLength(writeText(key, left))).toBe(4 * left);
      expect(writeText(key, left + right).startsWith(writeText(key, left))).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test("prompts begin alike as far as their segments do", () => {
  const writer = createPromptWriter();
  const system: Segment = { kind: "text", key: "system", tokens: 12 };
  const left = writer.write([system, { kind: "own", tokens: 8 }], "left", () => "");
  const right = writer.write([system, { kind: "own", tokens: 8 }], "right", () => "");
  expect(left[0]).toEqual(right[0]);
  expect(left[1]).not.toEqual(right[1]);
});

test("a parent's answer goes into the prompt word for word", () => {
  const prompt: readonly Segment[] = [
    { kind: "text", key: "system", tokens: 1 },
    { kind: "output", stage: "plan" },
    { kind: "own", tokens: 1 },
  ];
  const messages = createPromptWriter().write(prompt, "own", (stage) => `what ${stage} said`);
  expect(messages.map(({ role }) => role)).toEqual(["system", "assistant", "user"]);
  expect(messages[1]?.content).toBe("what plan said");
});

test("a prompt of nothing still says something", () => {
  expect(createPromptWriter().write([], "own", () => "")).toHaveLength(1);
});
