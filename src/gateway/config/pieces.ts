/** Shapes that several sections of `fate.yaml` are made of: names, addresses, amounts. */

import { InputError } from "../../trace/input-error.ts";
import { refuse, showShort, stepInto } from "../../trace/place.ts";
import {
  described,
  integer,
  number,
  parseAs,
  text,
  withDefault,
  type DefaultShape,
  type Shape,
} from "../../trace/shape.ts";

const dayMs = 86_400_000;

/** The same shape, with its own words for what it expects: a pattern says little to people. */
export function worded<T>(shape: Shape<T>, expects: string, shows: (value: unknown) => string = showShort): Shape<T> {
  return {
    ...shape,
    expects,
    parse: (value, place) => {
      try {
        return shape.parse(value, place);
      } catch (error) {
        if (error instanceof InputError) return refuse(place, shows(value), expects);
        throw error;
      }
    },
  };
}

/** For places where people put a secret by mistake: what was found is not repeated. */
export const hidden = (value: unknown): string =>
  typeof value === "string" ? `text of ${value.length} characters` : showShort(value);

const withoutPassword = (value: unknown): string =>
  typeof value === "string" && value.includes("@") ? "an address with a user or password" : showShort(value);

/** What engines, hosts, keys, tenants and tools are called: safe in headers, labels and file names. */
export const nameText = worded(
  text({ max: 100, pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$" }),
  "a name of letters, digits, dots, dashes and underscores, at most 100 long",
);

export const modelText = worded(
  text({ max: 200, pattern: "^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$" }),
  "a model's name, such as llama-3.1-8b or qwen2.5:7b",
);

export const variableText = worded(
  text({ max: 100, pattern: "^[A-Za-z_][A-Za-z0-9_]*$" }),
  "the name of an environment variable",
  hidden,
);

export const pathText = worded(text({ max: 1000, pattern: "^[^\\u0000-\\u001F]+$" }), "the path of a file");

export const originText = worded(
  text({ max: 300, pattern: "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\\s\\\\]+/?$" }),
  "an address such as http://127.0.0.1:8000, without path, user or password",
  withoutPassword,
);

export const addressText = worded(
  text({ max: 1000, pattern: "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\\s\\\\]+(/[^#\\s\\\\]*)?$" }),
  "an address such as http://127.0.0.1:9000/path, without user or password",
  withoutPassword,
);

export const socketText = worded(
  text({ max: 300, pattern: "^tcp://[^/?#@\\s]+:[0-9]{1,5}$" }),
  "an address such as tcp://127.0.0.1:5557",
);

export const port = integer({ min: 1, max: 65_535 });

/** Milliseconds up to a day. */
export function ms(fallback: number, description: string, min = 1): DefaultShape<number> {
  return withDefault(described(integer({ min, max: dayMs }), description), fallback);
}

export function count(fallback: number, max: number, description: string, min = 1): DefaultShape<number> {
  return withDefault(described(integer({ min, max }), description), fallback);
}

export function rate(fallback: number, description: string): DefaultShape<number> {
  return withDefault(described(number({ above: 0, max: 1e15 }), description), fallback);
}

/** A section that may be left out, and then has all its defaults. */
export function section<T>(description: string, shape: Shape<T>): DefaultShape<T> {
  return { ...described(shape, description), absence: "default", fallback: parseAs(shape, {}, "defaults") };
}

/** Whatever keys of this form, each with a value of one shape. */
export function mapOf<T>(
  key: { readonly pattern: string; readonly expects: string },
  value: Shape<T>,
  max: number,
): Shape<Readonly<Record<string, T>>> {
  const regex = new RegExp(key.pattern, "u");
  const expects = `at most ${max} keys, each ${key.expects}`;
  return {
    expects,
    schema: {
      type: "object",
      propertyNames: { pattern: key.pattern },
      additionalProperties: value.schema,
      maxProperties: max,
    },
    parse: (found, place) => {
      if (typeof found !== "object" || found === null || Array.isArray(found))
        return refuse(place, showShort(found), "an object");
      const entries = Object.entries(found);
      if (entries.length > max) return refuse(place, `${entries.length} keys`, expects);
      return Object.fromEntries(
        entries.map(([name, entry]) => {
          if (!regex.test(name)) refuse(stepInto(place, name), "this key", key.expects);
          return [name, value.parse(entry, stepInto(place, name))];
        }),
      );
    },
  };
}

/** Text where that is enough, an object where there is more to say. */
export function textOr<T>(short: Shape<string>, long: Shape<T>): Shape<string | T> {
  return {
    expects: `${short.expects}, or an object`,
    schema: { anyOf: [short.schema, long.schema] },
    parse: (value, place) => (typeof value === "string" ? short.parse(value, place) : long.parse(value, place)),
  };
}
