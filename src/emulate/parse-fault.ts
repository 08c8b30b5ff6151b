/** Faults as text (`cut:after=3,chance=0.1`) and as JSON, to our type or a sentence that says what is wrong. */

import { isRecord } from "./http/call.ts";
import type { Fault } from "./faults.ts";

type Field = { readonly least: number; readonly most: number; readonly whole: boolean } | readonly string[];

const count: Field = { least: 1, most: 1e9, whole: true };
const after: Field = { least: 0, most: 1e6, whole: true };
const forMs: Field = { least: 0, most: 1e9, whole: true };
const common: Readonly<Record<string, Field>> = {
  count,
  chance: { least: 0, most: 1, whole: false },
  on: ["calls", "looks", "all"],
};

const kinds: Readonly<Record<Fault["kind"], Readonly<Record<string, Field>>>> = {
  refuse: {},
  busy: {},
  error: {},
  garbage: {},
  "stall-headers": { forMs },
  stall: { after, forMs },
  cut: { after },
  die: { after, forMs },
  metrics: { lie: ["zeros", "huge", "garbage", "html"] },
  slow: { factor: { least: 0.001, most: 1e6, whole: false } },
};

const needed: Readonly<Partial<Record<Fault["kind"], string>>> = { metrics: "lie", slow: "factor" };

export const faultKinds = Object.keys(kinds);

/** Throws a RangeError with a sentence. */
export function parseFault(text: string): Fault {
  const [kind, rest = ""] = splitOnce(text, ":");
  const fields: Record<string, unknown> = { kind: kind.trim() };
  for (const part of rest.split(",")) {
    if (part.trim() === "") continue;
    const [name, value] = splitOnce(part, "=");
    if (value === undefined) throw new RangeError(`fault ${kind}: found ${JSON.stringify(part)}, expected NAME=VALUE`);
    const read = value.trim();
    fields[name.trim()] = read !== "" && Number.isFinite(Number(read)) ? Number(read) : read;
  }
  return toFault(fields);
}

/** Throws a RangeError with a sentence. */
export function toFault(value: unknown): Fault {
  if (!isRecord(value)) throw new RangeError("a fault is an object with a kind");
  const { kind } = value;
  if (typeof kind !== "string" || !Object.hasOwn(kinds, kind))
    throw new RangeError(`fault: found kind ${show(kind)}, expected one of ${faultKinds.join(", ")}`);
  const named = kind as Fault["kind"];
  const fields = { ...common, ...kinds[named] };
  for (const [name, given] of Object.entries(value)) {
    if (name === "kind") continue;
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined)
      throw new RangeError(`fault ${kind}: found ${show(name)}, expected one of ${Object.keys(fields).join(", ")}`);
    checkField(`fault ${kind}: ${name}`, field, given);
  }
  const missing = needed[named];
  if (missing !== undefined && value[missing] === undefined) throw new RangeError(`fault ${kind} needs ${missing}`);
  return { ...value } as Fault;
}

function checkField(place: string, field: Field, given: unknown): void {
  if (!("least" in field)) {
    if (typeof given !== "string" || !field.includes(given))
      throw new RangeError(`${place}: found ${show(given)}, expected one of ${field.join(", ")}`);
    return;
  }
  const { least, most, whole } = field;
  const fits = typeof given === "number" && given >= least && given <= most && (!whole || Number.isInteger(given));
  if (!fits)
    throw new RangeError(
      `${place}: found ${show(given)}, expected a ${whole ? "whole " : ""}number from ${least} to ${most}`,
    );
}

function splitOnce(text: string, mark: string): readonly [string, string | undefined] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + mark.length)];
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 60);
}
