/**
 * Shapes of outside data. A shape parses an unknown value into one of our types and carries the JSON Schema
 * (draft 2020-12) of what it accepts, so that the published schema and the parser are one source.
 *
 *     const point = object({ x: integer({ max: 9 }), label: optional(text()) });
 *     parseAs(point, JSON.parse(line), "points.ndjson", "line 3");   // or an InputError that names the place
 */

import { meant } from "./closest.ts";
import { type Place, refuse, showShort, stepInto } from "./place.ts";

export type Shape<T> = {
  readonly parse: (value: unknown, place: Place) => T;
  readonly schema: JsonSchema;
  /** In words, for messages: "a whole number from 0 to 9". */
  readonly expects: string;
};

export type OptionalShape<T> = Shape<T> & { readonly absence: "optional" };
export type DefaultShape<T> = Shape<T> & { readonly absence: "default"; readonly fallback: T };

export type JsonSchema = { readonly [keyword: string]: unknown };

/** What a shape parses to. */
export type Parsed<S> = S extends Shape<infer T> ? T : never;

/** The value as the shape has it. */
export function parseAs<T>(shape: Shape<T>, value: unknown, file: string, label = ""): T {
  return shape.parse(value, { file, label });
}

type Fields = { readonly [name: string]: Shape<unknown> };
type OptionalNames<F> = { [K in keyof F]: F[K] extends { readonly absence: "optional" } ? K : never }[keyof F];
export type ParsedFields<F> = { readonly [K in Exclude<keyof F, OptionalNames<F>>]: Parsed<F[K]> } & {
  readonly [K in OptionalNames<F>]?: Parsed<F[K]>;
};

/** An object with these keys and no others. */
export function object<const F extends Fields>(fields: F): Shape<ParsedFields<F>> {
  return {
    expects: "an object",
    schema: { ...fieldsSchema(fields), additionalProperties: false },
    parse: (value, place) => parseFields(fields, refuseUnknown(asObject(value, place), fields, place), place),
  };
}

/** An object with at least these keys; others are passed over. For formats of other people. */
export function openObject<const F extends Fields>(fields: F): Shape<ParsedFields<F>> {
  return {
    expects: "an object",
    schema: fieldsSchema(fields),
    parse: (value, place) => parseFields(fields, asObject(value, place), place),
  };
}

type Variants = { readonly [kind: string]: Fields };
type ParsedVariants<Tag extends string, V extends Variants> = {
  [K in keyof V]: { readonly [T in Tag]: K } & ParsedFields<V[K]>;
}[keyof V];

/** An object whose `tag` says which keys it has. */
export function tagged<const Tag extends string, const V extends Variants>(
  tag: Tag,
  variants: V,
): Shape<ParsedVariants<Tag, V>> {
  const kinds = Object.keys(variants);
  const kind = oneOf(...kinds);
  const shapes = new Map(kinds.map((name) => [name, object({ [tag]: oneOf(name), ...variants[name] })] as const));
  return {
    expects: `an object with ${tag} ${kind.expects}`,
    schema: { oneOf: [...shapes.values()].map((shape) => shape.schema) },
    parse: (value, place) => {
      const found = asObject(value, place);
      const name = kind.parse(Object.hasOwn(found, tag) ? found[tag] : undefined, stepInto(place, tag));
      // The compiler cannot follow a key from the value into the table of variants.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return shapes.get(name)?.parse(found, place) as ParsedVariants<Tag, V>;
    },
  };
}

export function array<T>(item: Shape<T>, bounds: { min?: number; max: number }): Shape<readonly T[]> {
  const { min = 0, max } = bounds;
  const expects = min === 0 ? `a list of at most ${max}` : `a list of ${min} to ${max}`;
  return {
    expects,
    schema: { type: "array", items: item.schema, ...(min > 0 ? { minItems: min } : {}), maxItems: max },
    parse: (value, place) => {
      if (!Array.isArray(value)) return refuse(place, showShort(value), "a list");
      if (value.length < min || value.length > max) return refuse(place, `${value.length} entries`, expects);
      return value.map((entry: unknown, index) => item.parse(entry, stepInto(place, index)));
    },
  };
}

/** Lengths count characters as Unicode has them, as JSON Schema does. */
export function text(bounds: { min?: number; max?: number; pattern?: string } = {}): Shape<string> {
  const { min = 1, max = 1000, pattern } = bounds;
  const regex = pattern === undefined ? undefined : new RegExp(pattern, "u");
  const expects = `text of ${min} to ${max} characters${pattern === undefined ? "" : ` like ${pattern}`}`;
  return {
    expects,
    schema: { type: "string", minLength: min, maxLength: max, ...(pattern === undefined ? {} : { pattern }) },
    parse: (value, place) => {
      if (typeof value !== "string") return refuse(place, showShort(value), expects);
      // A character takes one or two units, so very long texts need no counting.
      const length = value.length > 2 * max ? value.length : countCharacters(value);
      if (length < min || length > max || regex?.test(value) === false) return refuse(place, showShort(value), expects);
      return value;
    },
  };
}

function countCharacters(value: string): number {
  let pairs = 0;
  for (let index = 0; index < value.length; index++) {
    if ((value.codePointAt(index) ?? 0) <= 0xffff) continue;
    pairs++;
    index++;
  }
  return value.length - pairs;
}

/** A whole number that a double holds exactly; not negative unless `min` says so. */
export function integer(range: { min?: number; max?: number } = {}): Shape<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = range;
  const expects = `a whole number from ${min} to ${max === Number.MAX_SAFE_INTEGER ? "2^53-1" : max}`;
  return {
    expects,
    schema: { type: "integer", minimum: min, maximum: max },
    parse: (value, place) =>
      typeof value === "number" && Number.isInteger(value) && value >= min && value <= max
        ? value + 0 // minus zero becomes zero
        : refuse(place, showShort(value), expects),
  };
}

/** A finite number. `above` is a lower bound that is itself excluded. */
export function number(range: { min?: number; above?: number; max?: number } = {}): Shape<number> {
  const { min, above, max = 1e18 } = range;
  const least = min ?? (above === undefined ? -1e18 : undefined);
  const expects = above === undefined ? `a number from ${least} to ${max}` : `a number above ${above}, up to ${max}`;
  return {
    expects,
    schema: {
      type: "number",
      ...(least === undefined ? {} : { minimum: least }),
      ...(above === undefined ? {} : { exclusiveMinimum: above }),
      maximum: max,
    },
    parse: (value, place) =>
      typeof value === "number" && value >= (least ?? -Infinity) && value > (above ?? -Infinity) && value <= max
        ? value + 0
        : refuse(place, showShort(value), expects),
  };
}

export function boolean(): Shape<boolean> {
  return {
    expects: "true or false",
    schema: { type: "boolean" },
    parse: (value, place) => (typeof value === "boolean" ? value : refuse(place, showShort(value), "true or false")),
  };
}

/** One of the given words or numbers. */
export function oneOf<const T extends readonly (string | number)[]>(...values: T): Shape<T[number]> {
  const expects = values.map((value) => JSON.stringify(value)).join(" or ");
  return {
    expects,
    schema: values.length === 1 ? { const: values[0] } : { enum: values },
    parse: (value, place) =>
      values.find((known) => known === value) ??
      refuse(place, showShort(value), `${expects}${typeof value === "string" ? meant(value, values.map(String)) : ""}`),
  };
}

/** The same shape, with a description in the schema. */
export function described<S extends Shape<unknown>>(shape: S, description: string): S {
  return { ...shape, schema: { ...shape.schema, description } };
}

/** A key that may be absent, and then is absent from the result. */
export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  return { ...shape, absence: "optional" };
}

/** A key that may be absent, and then has this value. */
export function withDefault<T>(shape: Shape<T>, fallback: T): DefaultShape<T> {
  return { ...shape, schema: { ...shape.schema, default: fallback }, absence: "default", fallback };
}

function absenceOf(shape: Shape<unknown>): { kind: "required" | "optional" } | { kind: "default"; fallback: unknown } {
  if (!("absence" in shape)) return { kind: "required" };
  return "fallback" in shape ? { kind: "default", fallback: shape.fallback } : { kind: "optional" };
}

function fieldsSchema(fields: Fields): JsonSchema {
  const entries = Object.entries(fields);
  const required = entries.filter(([, shape]) => absenceOf(shape).kind === "required").map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, shape]) => [name, shape.schema])),
    ...(required.length > 0 ? { required } : {}),
  };
}

function parseFields<F extends Fields>(fields: F, found: Record<string, unknown>, place: Place): ParsedFields<F> {
  const parsed: Record<string, unknown> = {};
  for (const [name, shape] of Object.entries(fields)) {
    if (Object.hasOwn(found, name)) parsed[name] = shape.parse(found[name], stepInto(place, name));
    else {
      const absence = absenceOf(shape);
      if (absence.kind === "required") refuse(stepInto(place, name), "nothing", shape.expects);
      if (absence.kind === "default") parsed[name] = absence.fallback;
    }
  }
  // Every field has just been parsed by its own shape.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return parsed as ParsedFields<F>;
}

function asObject(value: unknown, place: Place): Record<string, unknown> {
  return isRecord(value) ? value : refuse(place, showShort(value), "an object");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refuseUnknown(found: Record<string, unknown>, fields: Fields, place: Place): Record<string, unknown> {
  for (const key of Object.keys(found)) {
    if (Object.hasOwn(fields, key)) continue;
    const known = Object.keys(fields);
    refuse(stepInto(place, key), "an unknown key", `one of ${known.join(", ")}${meant(key, known)}`);
  }
  return found;
}
