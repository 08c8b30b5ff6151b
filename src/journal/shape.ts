/** What a JSON value may look like, as data, so that one table checks records and describes them. */

import { showValue } from "./journal-error.ts";

export type Shape =
  | { readonly type: "text" }
  | { readonly type: "flag" }
  /** A safe integer. */
  | { readonly type: "whole"; readonly least: number }
  | { readonly type: "number"; readonly least: number }
  | { readonly type: "choice"; readonly values: readonly string[] }
  | { readonly type: "list"; readonly of: Shape }
  | { readonly type: "fields"; readonly fields: Fields }
  /** Named values of one shape. */
  | { readonly type: "map"; readonly of: Shape }
  /** Fields that depend on the value of the field `kind`. */
  | { readonly type: "kinds"; readonly kinds: Readonly<Record<string, Fields>> };

export type Field = { readonly shape: Shape; readonly optional: boolean };
export type Fields = Readonly<Record<string, Field>>;

/** One entry for each field of a type, so that the compiler holds a table and the type together. */
export type FieldsOf<Type, Left extends string = never> = {
  readonly [Name in Exclude<keyof Type, Left>]-?: Type extends { [Key in Name]: unknown }
    ? Field & { readonly optional: false }
    : Field & { readonly optional: true };
};

export type Fault = { readonly found: string; readonly expected: string };

/** The first thing about `value` that does not fit, `path` in front; undefined if all fits. */
function findFault(shape: Shape, value: unknown, path: string): Fault | undefined {
  const wrong = (): Fault => ({ found: `${path} ${showValue(value)}`, expected: describe(shape) });
  switch (shape.type) {
    case "text":
      return typeof value === "string" ? undefined : wrong();
    case "flag":
      return typeof value === "boolean" ? undefined : wrong();
    case "whole":
      return Number.isSafeInteger(value) && (value as number) >= shape.least ? undefined : wrong();
    case "number":
      return Number.isFinite(value) && (value as number) >= shape.least ? undefined : wrong();
    case "choice":
      return typeof value === "string" && shape.values.includes(value) ? undefined : wrong();
    case "list": {
      if (!Array.isArray(value)) return wrong();
      for (let index = 0; index < value.length; index++) {
        const fault = findFault(shape.of, value[index], `${path}[${index}]`);
        if (fault !== undefined) return fault;
      }
      return undefined;
    }
    case "fields":
      return isObject(value) ? findFieldFault(shape.fields, value, path) : wrong();
    case "map": {
      if (!isObject(value)) return wrong();
      for (const [name, part] of Object.entries(value)) {
        const fault = findFault(shape.of, part, `${path}.${name}`);
        if (fault !== undefined) return fault;
      }
      return undefined;
    }
    case "kinds": {
      if (!isObject(value)) return wrong();
      const { kind } = value;
      const fields = typeof kind === "string" && Object.hasOwn(shape.kinds, kind) ? shape.kinds[kind] : undefined;
      if (fields !== undefined) return findFieldFault(fields, value, path);
      return { found: `${path}.kind ${showValue(kind)}`, expected: listed(Object.keys(shape.kinds)) };
    }
  }
}

/** Missing, misshapen or unknown fields. */
export function findFieldFault(
  fields: Fields,
  value: Readonly<Record<string, unknown>>,
  path: string,
): Fault | undefined {
  let seen = 0;
  for (const name in fields) {
    const field = fields[name] as Field;
    const part = Object.hasOwn(value, name) ? value[name] : undefined;
    if (part === undefined) {
      if (field.optional) continue;
      return { found: `no field ${join(path, name)}`, expected: describe(field.shape) };
    }
    seen += 1;
    const fault = findFault(field.shape, part, join(path, name));
    if (fault !== undefined) return fault;
  }
  const names = Object.keys(value);
  if (names.length === seen) return undefined;
  const unknown = names.find((name) => !Object.hasOwn(fields, name));
  return { found: `unknown field ${showValue(unknown)}`, expected: listed(Object.keys(fields)) };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** In words, as messages and `docs/journal.md` have it. */
export function describe(shape: Shape): string {
  switch (shape.type) {
    case "text":
      return "text";
    case "flag":
      return "true or false";
    case "whole":
      return `whole number${bounded(shape.least)}`;
    case "number":
      return `number${bounded(shape.least)}`;
    case "choice":
      return listed(shape.values);
    case "list":
      return `list of ${describe(shape.of)}`;
    case "fields":
      return `{${Object.entries(shape.fields).map(nameOf).join(", ")}}`;
    case "map":
      return `map of ${describe(shape.of)}`;
    case "kinds":
      return `object whose kind is ${listed(Object.keys(shape.kinds))}`;
  }
}

function nameOf([name, field]: [string, Field]): string {
  return field.optional ? `${name}?` : name;
}

function bounded(least: number): string {
  return least === -Infinity ? "" : ` from ${least}`;
}

function listed(values: readonly string[]): string {
  return values.map((value) => `"${value}"`).join(" | ");
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

export function required(shape: Shape): Field & { readonly optional: false } {
  return { shape, optional: false };
}

export function optional(shape: Shape): Field & { readonly optional: true } {
  return { shape, optional: true };
}

export const text: Shape = { type: "text" };
export const flag: Shape = { type: "flag" };
/** Counts, bytes, tokens, microseconds. */
export const whole: Shape = { type: "whole", least: 0 };
export const positive: Shape = { type: "whole", least: 1 };
export const amount: Shape = { type: "number", least: 0 };
export const anyNumber: Shape = { type: "number", least: -Infinity };

export function choice(...values: string[]): Shape {
  return { type: "choice", values };
}

export function list(of: Shape): Shape {
  return { type: "list", of };
}

export function object(given: Fields): Shape {
  return { type: "fields", fields: given };
}

export function map(of: Shape): Shape {
  return { type: "map", of };
}
