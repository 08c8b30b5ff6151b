/** The gateway's log: a line an event, as JSON or as text. Secrets are taken out, values bounded, and no value can end its line. */

import type { LogConfig } from "../config/config.ts";
import { isSecretName, redactText } from "./redact.ts";

export type LogLevel = Exclude<LogConfig["level"], "silent">;
export type LogFields = Readonly<Record<string, unknown>>;
/** `event` is noun and verb, such as `engine-down`: something to search for. */
export type LogLine = (event: string, fields?: LogFields) => void;
export type Log = Readonly<Record<LogLevel, LogLine>>;

export type LogOptions = LogConfig & {
  /** Takes whole lines, their ends included. */
  readonly write: (line: string) => void;
  readonly nowMs: () => number;
};

/** Bounds of one value, of one line, and of how far a value is looked into. */
const maxCharacters = 1000;
const maxLineCharacters = 8000;
const maxFields = 32;
const maxItems = 20;
const maxDepth = 4;

const levels: readonly LogLevel[] = ["error", "warn", "info", "debug"];

export function createLog({ level, format, write, nowMs }: LogOptions): Log {
  const encode = format === "json" ? encodeJson : encodeText;
  const line = (at: LogLevel): LogLine => {
    if (level === "silent" || levels.indexOf(at) > levels.indexOf(level)) return () => {};
    return (event, fields = {}) => {
      const budget = { characters: maxLineCharacters };
      const time = new Date(nowMs()).toISOString();
      write(`${encode({ time, level: at, event: plain(event, "", budget, 0) }, plainFields(fields, budget, 0))}\n`);
    };
  };
  return { error: line("error"), warn: line("warn"), info: line("info"), debug: line("debug") };
}

/** What a line begins with. */
type Head = { readonly time: string; readonly level: LogLevel; readonly event: Plain };
type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };
type Budget = { characters: number };

function encodeJson(head: Head, fields: Record<string, Plain>): string {
  // The head comes first and cannot be spoken over by fields of the same names.
  return encodeValue({ ...head, ...fields, ...head });
}

function encodeText({ time, level, event }: Head, fields: Record<string, Plain>): string {
  const pairs = Object.entries(fields).map(([name, value]) => ` ${bare(name)}=${bare(value)}`);
  return `${time} ${level.padEnd(5)} ${bare(event)}${pairs.join("")}`;
}

function bare(value: Plain): string {
  return typeof value === "string" && /^[\w.:/@%+-]+$/.test(value) ? value : encodeValue(value);
}

/** JSON, with everything escaped that some reader or terminal takes for more than a character. */
function encodeValue(value: Plain): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function plainFields(fields: object, budget: Budget, depth: number): Record<string, Plain> {
  const result: Record<string, Plain> = {};
  for (const [name, value] of Object.entries(fields).slice(0, maxFields)) {
    if (value === undefined) continue;
    if (budget.characters <= 0) break;
    const key = spend(redactText(name.slice(0, 64)), budget);
    // As an own property whatever its name: `__proto__` too is only a name here.
    Object.defineProperty(result, key, {
      value: plain(value, name, budget, depth),
      enumerable: true,
      configurable: true,
    });
  }
  return result;
}

function plain(value: unknown, name: string, budget: Budget, depth: number): Plain {
  if (name !== "" && typeof value !== "number" && isSecretName(name)) return "[redacted]";
  budget.characters -= 4;
  switch (typeof value) {
    case "string":
      return text(value, budget);
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "bigint":
      return text(String(value), budget);
    case "object":
      return value === null ? null : plainObject(value, name, budget, depth);
    default:
      return typeof value;
  }
}

function plainObject(value: object, name: string, budget: Budget, depth: number): Plain {
  if (depth >= maxDepth || budget.characters <= 0) return "…";
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => plain(item, name, budget, depth + 1));
  if (value instanceof Error) return plainFields(errorFields(value), budget, depth + 1);
  return plainFields(value, budget, depth + 1);
}

/** Without the stack, whose paths are nobody's business. */
function errorFields(error: Error): LogFields {
  return { error: error.name, message: error.message, code: (error as NodeJS.ErrnoException).code, cause: error.cause };
}

/** Cut before it is searched, and again to what the line has left. */
function text(value: string, budget: Budget): string {
  return spend(redactText(value.slice(0, 4 * maxCharacters)), budget);
}

function spend(value: string, budget: Budget): string {
  const room = Math.max(0, Math.min(maxCharacters, budget.characters));
  budget.characters -= Math.min(value.length, room);
  return value.length <= room ? value : `${value.slice(0, room)}…`;
}
