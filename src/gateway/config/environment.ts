/**
 * Environment variables over the file: `FATE__QUEUE__MAX_WAITING=2048` is `queue: { maxWaiting: 2048 }`, entries of lists go by
 * their position (`FATE__ENGINES__0__URL`), and a few that are set often have a short name. What is written there is checked
 * like the file. Which keys there are, the schema tells.
 */

import { meant } from "../../trace/closest.ts";
import { InputError } from "../../trace/input-error.ts";
import type { Path } from "../../trace/path.ts";
import { readDocument } from "../../trace/read-document.ts";
import type { JsonSchema } from "../../trace/shape.ts";
import { configShape } from "./config-shape.ts";
import { fault, type Fault } from "./fault.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export const shortNames: { readonly [variable: string]: Path } = {
  FATE_LISTEN_HOST: ["listen", "host"],
  FATE_LISTEN_PORT: ["listen", "port"],
  FATE_POLICY: ["policy"],
  FATE_SEED: ["seed"],
  FATE_JOURNAL: ["journal", "path"],
  FATE_LOG_LEVEL: ["log", "level"],
  FATE_LOG_FORMAT: ["log", "format"],
};

const prefix = "FATE__";
const maxLength = 10_000;
const maxVariables = 1000;

export type Applied = {
  /** A new value; what was given stays as it was. */
  readonly value: unknown;
  /** The variable that has set what stands at this path, or begun the entry that it stands in, and where that was. */
  readonly setBy: (path: Path) => Setting | undefined;
  /** Of variables that cannot be used, each at a path that only leads back to its name. */
  readonly faults: readonly Fault[];
};

export type Setting = { readonly variable: string; readonly path: Path };

export function applyEnvironment(value: unknown, env: Environment): Applied {
  const names = Object.keys(env)
    .filter((name) => (name.startsWith(prefix) || isShort(name)) && env[name] !== undefined)
    .sort((left, right) => Number(isShort(left)) - Number(isShort(right)) || (left < right ? -1 : 1));
  const settings: Setting[] = [];
  const faults: Fault[] = [];
  let result = value;
  for (const variable of names.slice(0, maxVariables)) {
    const own: Path = [variable];
    settings.push({ variable, path: own });
    const target = findTarget(variable, result);
    if ("expected" in target) {
      faults.push(fault(own, target.found, target.expected));
      continue;
    }
    const read = readValue(env[variable] ?? "", target.schema);
    if (read instanceof InputError) {
      faults.push(fault(own, read.found, read.expected));
      continue;
    }
    settings.push({ variable, path: target.path }, ...begunBy(variable, target.path, result));
    result = withValue(result, target.path, read.value);
  }
  if (names.length > maxVariables)
    faults.push(fault([prefix], `${names.length} variables`, `at most ${maxVariables}, or a file`));
  // The nearest, and of equals the last, which has overwritten the others.
  const nearest = settings.toReversed().sort((left, right) => right.path.length - left.path.length);
  return { value: result, faults, setBy: (path) => nearest.find((one) => leadsTo(one.path, path)) };
}

/** Entries of lists that are not there yet: what is missing in them, the variable has left out. */
function begunBy(variable: string, path: Path, value: unknown): readonly Setting[] {
  let here: unknown = value;
  for (const [depth, step] of path.entries()) {
    const next: unknown = isHolder(here) ? here[step] : undefined;
    if (typeof step === "number" && next === undefined) return [{ variable, path: path.slice(0, depth + 1) }];
    here = next;
  }
  return [];
}

function isShort(name: string): boolean {
  return Object.hasOwn(shortNames, name);
}

function leadsTo(above: Path, path: Path): boolean {
  return above.length <= path.length && above.every((step, index) => step === path[index]);
}

type Target = { readonly path: Path; readonly schema: JsonSchema };

/** Step by step down the schema, by names without regard to case and underscores. */
function findTarget(variable: string, value: unknown): Target | Pick<Fault, "found" | "expected"> {
  const short = isShort(variable) ? shortNames[variable] : undefined;
  const words: Path = short ?? variable.slice(prefix.length).split("__");
  const path: (string | number)[] = [];
  let schema: JsonSchema = configShape.schema;
  let here: unknown = value;
  for (const word of words) {
    const step = stepDown(schema, `${word}`, here);
    if ("expected" in step) return step;
    path.push(step.step);
    schema = step.schema;
    here = isHolder(here) ? here[step.step] : undefined;
  }
  return { path, schema };
}

function stepDown(
  above: JsonSchema,
  word: string,
  here: unknown,
): { readonly step: string | number; readonly schema: JsonSchema } | Pick<Fault, "found" | "expected"> {
  const schema = openVariant(above);
  const { properties, items, additionalProperties } = schema as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly items?: JsonSchema;
    readonly additionalProperties?: JsonSchema | false;
  };
  if (properties !== undefined) {
    const key = Object.keys(properties).find((name) => plain(name) === plain(word));
    if (key !== undefined) return { step: key, schema: properties[key] ?? {} };
    const known = Object.keys(properties).map(toUpper);
    return { found: `an unknown key ${word}`, expected: `one of ${known.join(", ")}${meant(word, known)}` };
  }
  if (items !== undefined) {
    const length = Array.isArray(here) ? here.length : 0;
    if (/^\d{1,6}$/.test(word) && Number(word) <= length) return { step: Number(word), schema: items };
    return { found: word, expected: `a position from 0 to ${length}` };
  }
  if (typeof additionalProperties === "object") return { step: word, schema: additionalProperties };
  return { found: `a key ${word} below a plain value`, expected: "nothing below it" };
}

/** Where text or an object may stand, only the object has keys. */
function openVariant(schema: JsonSchema): JsonSchema {
  const { anyOf } = schema as { readonly anyOf?: readonly JsonSchema[] };
  return anyOf?.find((variant) => "properties" in variant) ?? schema;
}

function plain(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** `maxWaiting` as `MAX_WAITING`. */
function toUpper(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/** Text is taken as it is; everything else is read as YAML, so that numbers, `true` and `[a, b]` work. */
function readValue(text: string, schema: JsonSchema): { readonly value: unknown } | InputError {
  if (text.length > maxLength) return new InputError("", "", `${text.length} characters`, `at most ${maxLength}`);
  const words = schema["enum"];
  if (schema["type"] === "string" || (Array.isArray(words) && words.every((word) => typeof word === "string")))
    return { value: text };
  try {
    return { value: readDocument(text, "").value };
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
}

type Holder = { readonly [step: string | number]: unknown };

function isHolder(value: unknown): value is Holder {
  return typeof value === "object" && value !== null;
}

/** A copy with this in its place; objects that are not there yet are made on the way. */
function withValue(value: unknown, [step, ...rest]: Path, set: unknown): unknown {
  if (step === undefined) return set;
  const inner = withValue(isHolder(value) && Object.hasOwn(value, step) ? value[step] : undefined, rest, set);
  if (typeof step === "number") {
    const list: unknown[] = Array.isArray(value) ? [...(value as unknown[])] : [];
    list[step] = inner;
    return list;
  }
  const kept = isHolder(value) && !Array.isArray(value) ? Object.entries(value) : [];
  return Object.fromEntries([...kept, [step, inner]]);
}
