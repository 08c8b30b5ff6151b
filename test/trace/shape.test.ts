import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import * as shape from "../../src/trace/shape.ts";
import { attempt, refusal } from "./documents.ts";
import { portionOf } from "../support/portion.ts";

const point = shape.object({
  x: shape.integer({ max: 9 }),
  label: shape.optional(shape.text({ max: 3 })),
  colour: shape.withDefault(shape.oneOf("red", "blue"), "red"),
});
const parse = (value: unknown): unknown => shape.parseAs(shape.array(point, { max: 2 }), value, "points", "line 1");

test("keys that may be absent stay absent or get their default", () => {
  expect(parse([{ x: 1 }, { x: 2, label: "two", colour: "blue" }])).toStrictEqual([
    { x: 1, colour: "red" },
    { x: 2, label: "two", colour: "blue" },
  ]);
});

test.each([
  [{}, "points: line 1: found an object, expected a list"],
  [[{ x: 1 }, { x: 1 }, { x: 1 }], "points: line 1: found 3 entries, expected a list of at most 2"],
  [[{}], "points: line 1: [0].x: found nothing, expected a whole number from 0 to 9"],
  [[{ x: 1, colr: "red" }], "points: line 1: [0].colr: found an unknown key, expected one of x, label, colour"],
  [
    [{ x: 1, lable: "a" }],
    "points: line 1: [0].lable: found an unknown key, expected one of x, label, colour; did you mean label?",
  ],
  [[{ x: 1, colour: "green" }], 'points: line 1: [0].colour: found "green", expected "red" or "blue"'],
  [[{ x: 1, label: "🐙🐙🐙🐙" }], 'points: line 1: [0].label: found "🐙🐙🐙🐙", expected text of 1 to 3 characters'],
  [[JSON.parse('{"__proto__": 1, "x": 1}')], "points: line 1: [0].__proto__: found an unknown key"],
])("refuses %j and says where", (value, message) => {
  expect(refusal(() => parse(value))).toContain(message);
});

test("minus zero becomes zero, and characters are counted as Unicode has them", () => {
  expect(parse([{ x: -0, label: "🐙🐙🐙" }])).toStrictEqual([{ x: 0, label: "🐙🐙🐙", colour: "red" }]);
});

const shapes: readonly shape.Shape<unknown>[] = [
  shape.integer(),
  shape.integer({ min: -3, max: 3 }),
  shape.number({ min: 0, max: 1 }),
  shape.number({ above: 0 }),
  shape.number(),
  shape.text(),
  shape.text({ min: 2, max: 4 }),
  shape.text({ min: 0, max: 5, pattern: "^[a-c]*$" }),
  shape.boolean(),
  shape.oneOf("a", 1),
  shape.array(shape.boolean(), { min: 1, max: 2 }),
  point,
  shape.openObject({ x: shape.optional(shape.boolean()) }),
  shape.tagged("kind", { a: { x: shape.optional(shape.integer()) }, b: { y: shape.boolean() } }),
];

test("each shape accepts what its schema accepts", () => {
  const ajv = new Ajv2020({ strict: true });
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(0, 1, -3, 4, 0.5, 2 ** 53, 1e18, 2e18, "", "a", "abc", "🐙", "🐙🐙🐙🐙", "🐙🐙🐙🐙🐙", true),
    fc.array(fc.boolean(), { maxLength: 3 }),
    fc.record(
      {
        x: fc.oneof(fc.integer(), fc.boolean()),
        y: fc.boolean(),
        kind: fc.constantFrom("a", "b", "c"),
        label: fc.string(),
      },
      { requiredKeys: [] },
    ),
  );
  for (const one of shapes) {
    const validate = ajv.compile(one.schema);
    fc.assert(
      fc.property(value, (found) => {
        expect({ found, accepts: attempt(() => shape.parseAs(one, found, "f")).ok }).toEqual({
          found,
          accepts: validate(found),
        });
      }),
      { numRuns: portionOf(300) },
    );
  }
});
