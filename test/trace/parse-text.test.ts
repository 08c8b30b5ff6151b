import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson, parseJsonOrYaml, parseLines, parseYaml } from "../../src/trace/parse-text.ts";
import { attempt, refusal } from "./documents.ts";
import { codePoint } from "../support/code-point.ts";
import { portionOf } from "../support/portion.ts";

test.each([
  ["", "line 1:1: found the end of the text"],
  ['{"a":1,}', 'line 1:8: found "}"'],
  ['{\n "a": tru}', 'line 2:7: found "t"'],
  ["[1,2", "line 1:5: found the end of the text"],
  ['{"a":"\n"}', 'line 1:7: found "\\n"'],
  ["[1 2]", 'line 1:4: found "2"'],
  ['{"a":01}', 'line 1:7: found "1"'],
  ['"\\x"', 'line 1:2: found "\\\\"'],
  ["[}", 'line 1:2: found "}"'],
  ["1 2", 'line 1:3: found "2"'],
  ["{1:2}", 'line 1:2: found "1"'],
  ['{"a" 2}', 'line 1:6: found "2"'],
])("%j is not JSON, and the message says where", (text, message) => {
  expect(refusal(() => parseJson(text, "f"))).toBe(`f: ${message}, expected JSON`);
});

test("up to the place of a fault the text could still become JSON", () => {
  const json = fc.jsonValue().map((value) => JSON.stringify(value, null, 1));
  fc.assert(
    fc.property(json, fc.nat(), (whole, at) => {
      const cut = at % whole.length;
      const outcome = attempt(() => parseJson(`${whole.slice(0, cut)}\u0001${whole.slice(cut)}`, "f"));
      const line = whole.slice(0, cut).split("\n");
      const place = `line ${line.length}:${(line.at(-1) ?? "").length + 1}`;
      // A number, word or escape that is cut in two breaks off at its start or at the cut.
      if (/[{}[\],:"\s]/.test(whole.charAt(cut)) && whole.charAt(cut - 1) !== "\\")
        expect(outcome).toMatchObject({ ok: false, error: { place } });
      else expect(outcome.ok).toBe(false);
    }),
    { numRuns: portionOf(500) },
  );
});

test("YAML faults have their line", () => {
  expect(refusal(() => parseYaml("a: 1\nb: [1", "f"))).toContain("f: line 2:");
  expect(refusal(() => parseYaml("a: 1\na: 2", "f"))).toContain("f: line 2:1");
  expect(refusal(() => parseYaml("a: *b", "f"))).toContain("Unresolved alias");
});

test("aliases that unfold without end are refused", () => {
  const level = (name: string, below: string): string => `${name}: &${name} [${`*${below},`.repeat(9)}*${below}]`;
  const text = ["a: &a [x,x,x,x,x,x,x,x,x,x]", level("b", "a"), level("c", "b"), level("d", "c")].join("\n");
  expect(refusal(() => parseYaml(text, "f"))).toContain("Excessive alias count");
});

test("aliases are bounded over all anchors", () => {
  const pairs = (count: number): string => Array.from({ length: count }, (_, at) => `&a${at} x, *a${at}`).join(", ");
  expect(parseYaml(`[${pairs(100)}]`, "f")).toHaveLength(200);
  expect(refusal(() => parseYaml(`[${pairs(101)}]`, "f"))).toContain("f: found more than 100 aliases");
});

test.each([
  ["a: 1\nb: { c: 1, d: 2, c: 3 }", "line 2:18"],
  ["{ 1, 1 }", "line 1:6"],
  ["? \n? ", "line "],
])("%j has a key twice, and the message says where", (text, place) => {
  const said = refusal(() => parseYaml(text, "f"));
  expect(said).toContain(`f: ${place}`);
  expect(said).toContain("found a fault (Map keys must be unique), expected YAML");
});

test("a map of very many keys is read in time that grows with them", () => {
  const keys = Array.from({ length: 50_000 }, (_, at) => `k${at}`);
  expect(Object.keys(parseYaml(`{${keys.join(",")}}`, "f") as object)).toEqual(keys);
});

test("nesting deeper than the stack is refused", () => {
  expect(refusal(() => parseYaml("[".repeat(100_000), "f"))).toContain("f: ");
  expect(refusal(() => parseJson("[".repeat(100_000), "f"))).toContain("line 1:100001");
});

test("lines count blank ones and forgive carriage returns", () => {
  expect([...parseLines('1\r\n\r\n{"a":2}\n', "f")]).toEqual([
    { label: "line 1", value: 1 },
    { label: "line 3", value: { a: 2 } },
  ]);
  expect(refusal(() => [...parseLines("1\n\n[", "f")])).toContain("f: line 3:2");
});

test("any text is a value or an InputError", () => {
  fc.assert(
    fc.property(fc.string({ unit: codePoint, maxLength: 40 }), fc.constantFrom("f.json", "f.yaml"), (text, file) => {
      attempt(() => parseJsonOrYaml(text, file));
    }),
    { numRuns: portionOf(1000) },
  );
});
