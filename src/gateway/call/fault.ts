/** Faults of a call's fields, with the codes and parameter names that OpenAI's own answers carry. */

import type { CallFault } from "./call.ts";

export function missing(param: string): CallFault {
  return invalid("missing_required_parameter", param, `Missing required parameter: '${param}'.`);
}

/** `expected` with its article, such as `a string`. */
export function wrongType(param: string, expected: string, found: unknown): CallFault {
  return invalid("invalid_type", param, `Invalid type for '${param}': expected ${expected}, but got ${nameOf(found)}.`);
}

export function invalid(code: string, param: string | undefined, message: string): CallFault {
  return { status: 400, type: "invalid_request_error", code, ...(param === undefined ? {} : { param }), message };
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  if (typeof value === "number") return Number.isInteger(value) ? "an integer" : "a decimal number";
  return `a ${typeof value}`;
}
