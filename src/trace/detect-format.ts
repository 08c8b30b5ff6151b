/** Which format a text is in, from its first line or its outermost keys. */

import { InputError } from "./input-error.ts";
import { parseJson } from "./parse-text.ts";

export type WorkloadFormat =
  | "fate"
  | "wfformat"
  | "wfinstances"
  | "mooncake"
  | "agentic-mooncake"
  | "dify"
  | "flowise"
  | "kv-cache-tester"
  | "mini-swe-agent"
  | "lmcache";

/** The first signature wins whose keys are all there. */
const signatures: readonly (readonly [WorkloadFormat, readonly string[]])[] = [
  ["agentic-mooncake", ["request_id", "input_length"]],
  ["mooncake", ["input_length", "output_length"]],
  ["wfformat", ["schemaVersion", "workflow"]],
  ["wfinstances", ["app", "tasks"]],
  ["kv-cache-tester", ["requests", "block_size"]],
  ["mini-swe-agent", ["id", "steps"]],
  ["lmcache", ["session", "calls"]],
  ["dify", ["nodes", "edges", "mode"]],
  ["flowise", ["nodes", "edges"]],
  ["fate", ["version"]],
];

export function detectFormat(text: string, path: string): WorkloadFormat {
  const start = text.trimStart();
  if (start === "") throw new InputError(path, "", "nothing", "a workload");
  // YAML is an application that Dify exports, or our own; what is neither our own reader refuses best.
  if (!start.startsWith("{")) return /^kind:\s*app\b/m.test(start) ? "dify" : "fate";
  const end = start.indexOf("\n");
  const first = asObject(end === -1 ? start : start.slice(0, end), path) ?? asObject(start, path);
  if (first === undefined) return "fate";
  for (const [format, keys] of signatures) if (keys.every((key) => Object.hasOwn(first, key))) return format;
  const keys = Object.keys(first)
    .slice(0, 8)
    .map((key) => JSON.stringify(key.slice(0, 30)));
  throw new InputError(
    path,
    "",
    `an object with ${keys.join(", ") || "no keys"}`,
    "a known format; say which one it is",
  );
}

function asObject(text: string, path: string): object | undefined {
  try {
    const value = parseJson(text, path);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
