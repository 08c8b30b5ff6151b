/** Our own convention: the headers `x-workflow-*`, and the body's `workflow` with the same fields. A header goes before. */

import type { CallFault, Identity } from "./call.ts";
import { invalid, wrongType } from "./fault.ts";
import { longestId, mostPriority, toId, toWhole, type CallHeaders } from "./identity-value.ts";

/** Field of `Identity`, header, field of the body, and how it is read from either. */
type OwnField = {
  readonly into: keyof Identity;
  readonly header: string;
  readonly field: string;
  /** Nothing: the value is none that is expected. */
  readonly read: (value: unknown) => unknown;
  readonly expected: string;
};

const mostParents = 64;
const longestDeadlineMs = 1e9;
const largestScale = 1e6;

const anId = `1 to ${longestId} characters without control characters`;
const someIds = `at most ${mostParents} stages, each ${anId}`;
const aDeadline = `a number above 0 and at most ${longestDeadlineMs}`;
const aScale = `a number above 0 and at most ${largestScale}`;
const aFlag = "true or false";
const aPriority = `an integer from ${-mostPriority} to ${mostPriority}`;

const ownFields: readonly OwnField[] = [
  { into: "workflow", header: "x-workflow-id", field: "id", read: toId, expected: anId },
  { into: "thread", header: "x-workflow-thread", field: "thread", read: toId, expected: anId },
  { into: "stage", header: "x-workflow-stage", field: "stage", read: toId, expected: anId },
  { into: "parents", header: "x-workflow-parents", field: "parents", read: toIds, expected: someIds },
  { into: "deadlineMs", header: "x-workflow-deadline-ms", field: "deadline_ms", read: toDeadline, expected: aDeadline },
  { into: "sloScale", header: "x-workflow-slo-scale", field: "slo_scale", read: toScale, expected: aScale },
  { into: "final", header: "x-workflow-final", field: "final", read: toFlag, expected: aFlag },
  { into: "class", header: "x-workflow-class", field: "class", read: toId, expected: anId },
  { into: "priority", header: "x-workflow-priority", field: "priority", read: toPriority, expected: aPriority },
];

export function readOwn(headers: CallHeaders, workflow: unknown): Partial<Identity> | CallFault {
  const own: Record<string, unknown> = {};
  for (const { into, header, read, expected } of ownFields) {
    const value = headers[header];
    if (value === undefined) continue;
    own[into] = read(value);
    if (own[into] === undefined) return invalid("invalid_header", header, `Invalid '${header}': expected ${expected}.`);
  }
  if (workflow === undefined || workflow === null) return own;
  if (typeof workflow !== "object" || Array.isArray(workflow)) return wrongType("workflow", "an object", workflow);
  const fields = workflow as Readonly<Record<string, unknown>>;
  for (const { into, field, read, expected } of ownFields) {
    const value = fields[field];
    if (value === undefined || value === null || own[into] !== undefined) continue;
    own[into] = read(value);
    if (own[into] !== undefined) continue;
    return invalid("invalid_value", `workflow.${field}`, `Invalid 'workflow.${field}': expected ${expected}.`);
  }
  return own;
}

/** An empty list says that there are no parents. */
function toIds(value: unknown): readonly string[] | undefined {
  if (typeof value === "string" && value.trim() === "") return [];
  const list: unknown = typeof value === "string" ? value.split(",", mostParents + 1) : value;
  if (!Array.isArray(list) || list.length > mostParents) return undefined;
  const ids = list.map((item) => toId(item));
  return ids.includes(undefined) ? undefined : (ids as string[]);
}

function toDeadline(value: unknown): number | undefined {
  return toPositive(value, longestDeadlineMs);
}

function toScale(value: unknown): number | undefined {
  return toPositive(value, largestScale);
}

function toPositive(value: unknown, most: number): number | undefined {
  const number = toNumber(value);
  return number !== undefined && number > 0 && number <= most ? number : undefined;
}

function toPriority(value: unknown): number | undefined {
  return toWhole(toNumber(value), -mostPriority, mostPriority);
}

function toNumber(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\s*-?\d{1,12}(\.\d{1,12})?\s*$/.test(value) ? Number(value) : undefined;
}

function toFlag(value: unknown): boolean | undefined {
  if (value === true || value === "true" || value === "1") return true;
  if (value === false || value === "false" || value === "0") return false;
  return undefined;
}
