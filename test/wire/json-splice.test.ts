/** Members of a JSON object change; every other byte stays. */

import fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { JsonSpliceError, maxDepth, sliceJson, spliceJson } from "../../src/wire/json-splice.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const splice = (text: string, changes: Record<string, unknown>): string =>
  new TextDecoder().decode(spliceJson(bytes(text), changes));

test.each([
  ["set", '{"a":1}', { a: 2 }, '{"a":2}'],
  ["set the first of two", ' { "a" : 1 , "b":2 } ', { a: [] }, ' { "a" : [] , "b":2 } '],
  ["add", '{"a":1}', { b: "x" }, '{"a":1,"b":"x"}'],
  ["add to nothing", "{ }", { b: null, c: 1 }, '{ "b":null,"c":1}'],
  ["remove the first", '{ "a":1, "b":2}', { a: undefined }, '{ "b":2}'],
  ["remove the middle", '{"a":1 ,"b":2,  "c":3}', { b: undefined }, '{"a":1,  "c":3}'],
  ["remove the last", '{"a":1, "b":2 }', { b: undefined }, '{"a":1 }'],
  ["remove all", '{"a":1,"b":2}', { a: undefined, b: undefined }, "{}"],
  ["remove all but add", '{"a":1}', { a: undefined, b: 2 }, '{"b":2}'],
  ["remove what is not there", '{"a":1}', { b: undefined }, '{"a":1}'],
  ["keys that come twice", '{"a":1,"b":0,"a":2}', { a: 3 }, '{"a":3,"b":0,"a":3}'],
  ["remove keys that come twice", '{"a":1,"b":0,"a":2}', { a: undefined }, '{"b":0}'],
  ["others that come twice", '{"a":1,"b":0,"b":-0.0e+00}', { a: 3 }, '{"a":3,"b":0,"b":-0.0e+00}'],
  ["numbers beyond doubles", '{"a":1,"b":18446744073709551615}', { a: 0 }, '{"a":0,"b":18446744073709551615}'],
  ["escaped keys", '{"\\u0061":1,"a\\"":2}', { a: 0 }, '{"\\u0061":0,"a\\"":2}'],
  [
    "inner objects are left alone",
    '{"x":{"a":1},"s":"{\\"a\\":1}"}',
    { a: 2 },
    '{"x":{"a":1},"s":"{\\"a\\":1}","a":2}',
  ],
  ["any alphabet", '{"é":"\u{1f600}","b":1}', { b: "日本" }, '{"é":"\u{1f600}","b":"日本"}'],
  ["odd names", '{"__proto__":{"x":1}}', { toString: 1 }, '{"__proto__":{"x":1},"toString":1}'],
])("%s", (_, text, changes, expected) => {
  expect(splice(text, changes)).toBe(expected);
});

test("bytes are put in as they are, if they are JSON", () => {
  expect(splice('{"a":1}', { a: bytes(" 1.0e0 ") })).toBe('{"a": 1.0e0 }');
  expect(() => splice('{"a":1}', { a: bytes("1,") })).toThrow('byte 1: found ",", expected the end');
  expect(() => splice('{"a":1}', { a: bytes("") })).toThrow(JsonSpliceError);
  expect(() => splice("{}", { a: () => 1 })).toThrow("a function cannot be written as JSON");
});

test("bytes that are not UTF-8 pass through", () => {
  const text = Buffer.from('{"a":"?","b":1}');
  text[6] = 0xff;
  const changed = spliceJson(text, { b: 2 });
  expect(changed[6]).toBe(0xff);
  expect(Buffer.from(changed).toString("latin1")).toBe('{"a":"\u00ff","b":2}');
});

test("a member's value as it is written", () => {
  const slice = (name: string): string | undefined => {
    const found = sliceJson(bytes('{"a":1, "b" : [1, 2e0] ,"a":9007199254740993}'), name);
    return found && new TextDecoder().decode(found);
  };
  expect([slice("a"), slice("b"), slice("c")]).toEqual(["9007199254740993", "[1, 2e0]", undefined]);
});

test.each([
  ["", "byte 0: found the end of the text, expected an object"],
  ["[1]", 'byte 0: found "[", expected an object'],
  ['{"a":1', "byte 6: found the end of the text, expected a comma or the end of the object"],
  ['{"a":[1 2]}', 'byte 8: found "2", expected a comma or the end of the list or object'],
  ['{"a" 1}', 'byte 5: found "1", expected a colon'],
  ['{"a":"\n"}', "byte 6: found byte 10, expected the end of the text in quotes"],
  ['{"a":"\\x"}', 'byte 6: found "\\\\", expected an escape that JSON knows'],
  ['{"a":01}', 'byte 6: found "1", expected a comma or the end of the object'],
  ['{"a":1,}', 'byte 7: found "}", expected text in quotes'],
  ['{"a":nul}', 'byte 5: found "n", expected a value'],
  ["{}{}", 'byte 2: found "{", expected the end'],
  ["\ufeff{}", "byte 0: found byte 239, expected an object"],
])("%j is no object", (text, message) => {
  expect(() => spliceJson(bytes(text), {})).toThrow(message);
});

test("nesting is bounded, and takes no stack", () => {
  const nested = (depth: number): string => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  expect(splice(nested(maxDepth), {})).toBe(nested(maxDepth));
  expect(() => splice(nested(100_000), {})).toThrow(`expected at most ${maxDepth} levels`);
});

const spacing = fc.constantFrom("", " ", "\n", "\t ", "  ");
const name = fc.oneof(fc.constantFrom("a", "b", "c", ""), fc.string({ unit: "grapheme", maxLength: 5 }));
const members = fc.array(fc.tuple(name, fc.json({ maxDepth: 3 }), spacing, spacing), { maxLength: 6 });
const changes = fc.dictionary(name, fc.option(fc.jsonValue({ maxDepth: 2 }), { nil: undefined }), { maxKeys: 4 });

test("what JSON.parse makes of it is what it made before, with the changes", () => {
  fc.assert(
    fc.property(members, changes, (parts, wanted) => {
      const pieces = parts.map(([key, value, before, after]) => ({
        key,
        text: `${before}${JSON.stringify(key)}${after}:${value}`,
      }));
      const text = `{${pieces.map((piece) => piece.text).join(",")}}`;
      const expected = new Map(Object.entries(JSON.parse(text) as object));
      for (const [key, value] of Object.entries(wanted)) {
        if (value === undefined) expected.delete(key);
        else expected.set(key, JSON.parse(JSON.stringify(value)));
      }
      const changed = splice(text, wanted);
      expect(new Map(Object.entries(JSON.parse(changed) as object))).toEqual(expected);
      for (const piece of pieces) if (!Object.hasOwn(wanted, piece.key)) expect(changed).toContain(piece.text.trim());
      expect(splice(text, {})).toBe(text);
    }),
    { numRuns: 200 },
  );
});

test("it takes what JSON.parse takes, and nothing else", () => {
  const spoilt = fc
    .record({
      parts: members,
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      cut: fc.nat(3),
      put: fc.constantFrom("", "{", "]", ",", '"', "\\", "0", "-", "e", "u", "\u0001", "tru"),
    })
    .map(({ parts, at, cut, put }) => {
      const text = `{${parts.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
      const from = Math.floor(at * text.length);
      return text.slice(0, from) + put + text.slice(from + cut);
    });
  fc.assert(
    fc.property(fc.oneof(spoilt, fc.json(), fc.string()), (text) => {
      // What cannot be written in UTF-8 is another text there.
      fc.pre(text.isWellFormed());
      expect(isAccepted(text)).toBe(isObject(text));
    }),
    { numRuns: 200 },
  );
});

function isAccepted(text: string): boolean {
  try {
    spliceJson(bytes(text), {});
    return true;
  } catch (error) {
    if (error instanceof JsonSpliceError) return false;
    throw error;
  }
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

test("what stands together and stays is one piece, however many members there are", () => {
  const concat = vi.spyOn(Buffer, "concat");
  onTestFinished(() => concat.mockRestore());
  const many = ',"":0'.repeat(1000);
  expect(splice(`{"a":1${many},"a":2${many}}`, { a: undefined, b: 3 })).toBe(`{${many.slice(1)}${many},"b":3}`);
  expect(concat.mock.calls.map(([pieces]) => pieces.length)).toEqual([6]);
});
