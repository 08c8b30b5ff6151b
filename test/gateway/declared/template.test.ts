import fc from "fast-check";
import { expect, test } from "vitest";
import { createComparing } from "../../../src/gateway/declared/compare.ts";
import { comparing, evaluate, isTrue, type Scope } from "../../../src/gateway/declared/evaluate.ts";
import { parseExpression } from "../../../src/gateway/declared/expression.ts";
import { RenderFault } from "../../../src/gateway/declared/room.ts";
import { parseTemplate, render } from "../../../src/gateway/declared/template.ts";
import type { Json } from "../../../src/gateway/declared/wire.ts";

const scope = {
  inputs: { topic: "tea", list: [1, "two", { n: 3 }], none: null, "two words": 1 },
  stages: { a: { text: "it's fine", json: { score: 4.5, ok: true } }, gone: { text: null, json: null } },
};

function holds(text: string): boolean {
  const parsed = parseExpression(text);
  if (parsed.kind === "fault") throw new Error(`${parsed.found}, ${parsed.expected}`);
  return isTrue(evaluate(parsed, scope));
}

test.each([
  ["stages.a.json.score < 5", true],
  ["stages.a.json.score >= 4.5 and stages.a.json.ok", true],
  ["not stages.a.json.ok or false", false],
  ["not (false or true) or true", true],
  ["false and true or true", true],
  ["true or true and false", true],
  ['inputs.topic == "tea"', true],
  ["inputs.topic == 'te\\a'", false],
  ['inputs.topic != "tea"', false],
  ['stages.a.text contains "fine"', true],
  ['inputs.list contains "two"', true],
  ["inputs.list contains 3", false],
  ["inputs.list[2].n == 3", true],
  ["inputs.list.length == 3", true],
  ["inputs.topic.length == 3", true],
  ["inputs['two words'] == 1", true],
  ["inputs.none == null", true],
  ["stages.gone.json.deep.er == null", true],
  ["stages.a.json.missing == null", true],
  ['"b" > "a"', true],
  ['"2" > 1', false],
  ["-1 < 0", true],
  ["inputs.constructor", false],
  ["inputs.__proto__", false],
  ["inputs.topic.constructor", false],
  ["inputs.list.map", false],
])("%s is %s", (text, expected) => {
  expect(holds(text)).toBe(expected);
});

test.each([
  ["", "the end"],
  ["a b", "b"],
  ["a ==", "the end"],
  ["a == b == c", "=="],
  ["(a", "the end"],
  ["a.", "the end"],
  ["a[b]", "b"],
  ["a[-1]", "-1"],
  ["and", "and"],
  ["a; b", '"; b"'],
  ['"open', '"\\"open"'],
])("%s makes no sense at %s", (text, found) => {
  expect(parseExpression(text)).toMatchObject({ kind: "fault", found: expect.stringContaining(found) as string });
});

test("an expression is bounded in depth and length", () => {
  expect(parseExpression(`${"(".repeat(60)}a`)).toMatchObject({ expected: "at most 40 levels" });
  expect(parseExpression(`${"a or ".repeat(400)}a`)).toMatchObject({ expected: "at most 500 words and signs" });
});

function rendered(text: string): string {
  const template = parseTemplate(text);
  if ("kind" in template) throw new Error(`${template.found}, ${template.expected}`);
  return render(template, scope);
}

test.each([
  ["no holes } {", "no holes } {"],
  ["{{ inputs.topic }}", "tea"],
  ["{{inputs.topic}}{{ inputs.list }}!", 'tea[1,"two",{"n":3}]!'],
  ["[{{ inputs.none }}{{ stages.gone.text }}{{ stages.gone.json.deep[3] }}]", "[]"],
  ['{{ "{{" }} and {{ "}}" }}', "{{ and }}"],
  ["{{ stages.a.json.score > 4 }}", "true"],
])("%s becomes %s", (text, expected) => {
  expect(rendered(text)).toBe(expected);
});

test("what a template reads must be there, and it has an end", () => {
  expect(() => rendered("{{ stages.a.json.missing }}")).toThrow(new RenderFault("nothing is at stages.a.json.missing"));
  expect(() => rendered("{{ inputs.toString }}")).toThrow(RenderFault);
  const template = parseTemplate("{{ a }}{{ a }}");
  const long = { a: "x".repeat(3_000_000) };
  expect(() => render("kind" in template ? [] : template, long)).toThrow("more than 4000000 characters");
});

/** How much room comparisons take. */
function sizeOf(text: string, values: Scope): number {
  const parsed = parseExpression(text);
  if (parsed.kind === "fault") throw new Error(parsed.found);
  let taken = 0;
  evaluate(parsed, { ...values, [comparing]: { take: (size) => void (taken += size) } });
  return taken;
}

test.each([
  ['"aaaa" == "aaab"', 4],
  ['"aaaa" == "aaa"', 0],
  ['"aaaa" != "aaaa"', 4],
  ['"aaaa" < "b"', 1],
  ['"aaaa" contains "ab"', 6],
  ['"ab" contains "aaaa"', 0],
  ["list contains 9", 3],
  ['list contains "two"', 6],
  ["list contains 9 and list contains 1", 3],
  ["5 > 4", 0],
])("%s takes room for %i", (text, size) => {
  expect(sizeOf(text, { list: [1, "one", 2] })).toBe(size);
});

test("a text is found in another one exactly where it is", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 120 });
  fc.assert(
    fc.property(text, text, text, fc.boolean(), (before, sought, after, isThere) => {
      const long = isThere ? before + sought + after : before + after;
      const expression = { kind: "path", steps: ["long"] } as const;
      const right = { kind: "literal", value: sought } as const;
      expect(evaluate({ kind: "compare", by: "contains", left: expression, right }, { long })).toBe(
        long.includes(sought),
      );
    }),
    { numRuns: 2000 },
  );
});

test("a long text is sought without looking again and again at what has matched", () => {
  const half = "a".repeat(500_000);
  expect(sizeOf("long contains sought", { long: "a".repeat(1_500_000), sought: `${half}b${half}` })).toBe(2_500_001);
});

test("comparisons of one scope share their room", () => {
  const list = Array.from({ length: 1_000_000 }, (_, index) => index);
  const template = parseTemplate("{{ list contains -1 }}".repeat(51));
  const values = { list, [comparing]: createComparing() };
  expect(() => render("kind" in template ? [] : template, values)).toThrow(
    new RenderFault("comparisons look at more than 50000000 characters and entries"),
  );
});

test("any text parses or says why not; what parses can be evaluated over anything", () => {
  const piece = fc.constantFrom(
    "a",
    ".",
    "[0]",
    "['b']",
    " and ",
    " or ",
    "not ",
    "(",
    ")",
    "==",
    "<",
    " contains ",
    "'x'",
    "1",
    "{{",
    "}}",
    "\\",
    "__proto__",
    '"',
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
    fc.string(),
  );
  let evaluated = 0;
  fc.assert(
    fc.property(text, fc.jsonValue(), (source, value) => {
      parseTemplate(source);
      const parsed = parseExpression(source);
      if (parsed.kind === "fault") return;
      evaluated++;
      expect(["undefined", "string", "number", "boolean", "object"]).toContain(
        typeof evaluate(parsed, { a: value as Json }),
      );
    }),
    { numRuns: 200 },
  );
  expect(evaluated).toBeGreaterThan(3);
});
