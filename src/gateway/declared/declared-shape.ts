/** Declared workflows as shapes: what `schema/declared-workflow.schema.json` publishes and the parser accepts. */

import {
  array,
  described,
  integer,
  number,
  object,
  oneOf,
  optional,
  tagged,
  text,
  withDefault,
  type Parsed,
  type Shape,
} from "../../trace/shape.ts";
import { refuse, showShort, stepInto, type Place } from "../../trace/place.ts";
import type { Json } from "./wire.ts";

/** Limits of any gateway; its own configuration may be tighter. */
const maxStages = 100_000;
const maxEntries = 1000;
const maxText = 1_000_000;
const dayMs = 86_400_000;
/** Values inside one another. */
const maxDepth = 32;

/** Whatever JSON can say; how deep it may go is checked on the way, as JSON Schema cannot say that. */
const json: Shape<Json> = {
  expects: "a JSON value",
  schema: {},
  parse: (value, place) => parseJsonValue(value, place, 0),
};

export function parseJsonValue(value: unknown, place: Place, depth: number): Json {
  if (depth > maxDepth) return refuse(place, `a value ${depth} levels deep`, `at most ${maxDepth}`);
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value))
    return value.map((entry: unknown, index) => parseJsonValue(entry, stepInto(place, index), depth + 1));
  if (typeof value !== "object") return refuse(place, showShort(value), json.expects);
  const entries = Object.entries(value);
  const bad = entries.find(([key]) => key === "__proto__");
  if (bad !== undefined) refuse(stepInto(place, bad[0]), "a reserved key", "another name");
  return Object.fromEntries(
    entries.map(([key, entry]) => [key, parseJsonValue(entry, stepInto(place, key), depth + 1)]),
  );
}

/** Keys of the author's choice. */
function record<T>(entry: Shape<T>, pattern: string): Shape<{ readonly [key: string]: T }> {
  const regex = new RegExp(pattern, "u");
  const expects = "an object";
  return {
    expects,
    schema: {
      type: "object",
      additionalProperties: entry.schema,
      propertyNames: { pattern },
      maxProperties: maxEntries,
    },
    parse: (value, place) => {
      if (typeof value !== "object" || value === null || Array.isArray(value))
        return refuse(place, showShort(value), expects);
      const entries: (readonly [string, unknown])[] = Object.entries(value);
      if (entries.length > maxEntries) refuse(place, `${entries.length} keys`, `at most ${maxEntries}`);
      for (const [key] of entries)
        if (!regex.test(key)) refuse(stepInto(place, key), "this key", `a name like ${pattern}`);
      return Object.fromEntries(entries.map(([key, found]) => [key, entry.parse(found, stepInto(place, key))]));
    },
  };
}

/** One shape or the other, told apart by whether the value is a list. */
function textOrList(list: Shape<readonly Json[]>, single: Shape<string>): Shape<string | readonly Json[]> {
  return {
    expects: `a template, or ${list.expects}`,
    schema: { anyOf: [single.schema, list.schema] },
    parse: (value, place) => (Array.isArray(value) ? list : single).parse(value, place),
  };
}

/** Names that paths can go through without quotes. */
const name = text({ max: 64, pattern: "^[A-Za-z][A-Za-z0-9_-]*$" });
const label = text({ max: 200, pattern: "^[^\\u0000-\\u001f\\u007f]+$" });
const template = text({ min: 0, max: maxText });
const inputName = "^[A-Za-z][A-Za-z0-9_-]{0,63}$";
const fieldName = "^[A-Za-z][A-Za-z0-9_.-]{0,99}$";
const tokens = integer({ min: 1, max: 10_000_000 });

const anyStage = {
  id: name,
  after: withDefault(
    described(array(name, { max: maxEntries }), "Stages to wait for beside those that templates and `when` read."),
    [],
  ),
  when: optional(described(text({ max: 2000 }), "A condition; where it does not hold, the stage is skipped.")),
  chance: withDefault(described(number({ min: 0, max: 1 }), "How likely `when` is to hold. For planning only."), 0.5),
  priority: withDefault(described(number({ min: -1e6, max: 1e6 }), "Larger is more urgent."), 0),
  onError: withDefault(described(oneOf("fail", "skip"), "`skip`: the workflow goes on without the stage."), "fail"),
};

const modelStage = {
  ...anyStage,
  retries: withDefault(described(integer({ max: 10 }), "Further tries after a failure."), 2),
  model: label,
  over: optional(
    described(
      textOrList(array(json, { min: 1, max: 100_000 }), text({ max: 2000 })),
      "A list, or a template that gives one: the stage runs once for each entry, which it sees as `item`.",
    ),
  ),
  params: withDefault(
    described(record(json, fieldName), "Further fields of the request, as the server knows them."),
    {},
  ),
  allow: optional(
    object({
      engines: optional(array(label, { max: maxEntries })),
      labels: optional(array(label, { max: maxEntries })),
    }),
  ),
};

const message = object({ role: oneOf("system", "user", "assistant"), content: template });

const stage = tagged("kind", {
  llm: {
    ...modelStage,
    system: optional(template),
    prompt: optional(described(template, "What the user says. Either this or `messages`.")),
    messages: optional(array(message, { min: 1, max: maxEntries })),
    maxTokens: optional(tokens),
    expectTokens: optional(described(tokens, "Expected length of an answer. For planning only.")),
    temperature: optional(number({ min: 0, max: 10 })),
    topP: optional(number({ above: 0, max: 1 })),
    seed: optional(integer()),
    stop: optional(array(text(), { min: 1, max: 16 })),
    output: withDefault(
      described(oneOf("text", "json", "lines"), "`json`: the answer is parsed. `lines`: a list of its lines."),
      "text",
    ),
  },
  embed: { ...modelStage, prompt: template },
  tool: {
    ...anyStage,
    retries: withDefault(described(integer({ max: 10 }), "Further tries after a failure."), 0),
    tool: described(label, "A name from `declared.tools` of the gateway's configuration."),
    query: withDefault(record(template, fieldName), {}),
    body: optional(described(json, "Sent as JSON; its texts are templates.")),
    expectMs: withDefault(described(integer({ max: dayMs }), "Expected duration. For planning only."), 1000),
  },
});

export const declaredShape = object({
  name: optional(label),
  class: optional(described(label, "What kind of workflow it is, for schedulers that learn; the name unless said.")),
  deadlineMs: optional(described(integer({ min: 1, max: 365 * dayMs }), "After its arrival.")),
  sloScale: optional(described(number({ above: 0, max: 1e9 }), "Deadline as a multiple of the time it takes alone.")),
  inputs: withDefault(
    described(record(json, inputName), "Values that templates read. `null`: must be given on submission."),
    {},
  ),
  stages: array(stage, { min: 1, max: maxStages }),
  outputs: optional(
    described(
      array(name, { min: 1, max: maxEntries }),
      "Stages whose results are the workflow's; those that nothing else reads unless said.",
    ),
  ),
});

export type DeclaredEntry = Parsed<typeof declaredShape>;
export type StageEntry = DeclaredEntry["stages"][number];
