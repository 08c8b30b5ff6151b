/** What clients' conventions wish for a call, whoever it says it is. What is malformed is no wish. */

import type { Identity } from "./call.ts";
import { fieldsOf, mostPriority, toId, toWhole, type CallHeaders, type IdentityBody } from "./identity-value.ts";

type Hints = { -readonly [Key in keyof Hint]: Hint[Key] };
type Hint = Pick<Identity, "final" | "priority" | "class" | "affinity" | "cacheSalt">;

export function readHints(headers: CallHeaders, body: IdentityBody): Hints {
  const nvext = body.nvext === undefined ? undefined : fieldsOf(body.nvext);
  const hints: Hints = { final: false };
  const priority = dynamoPriority(nvext) ?? smgPriority(headers) ?? vllmPriority(body);
  if (priority !== undefined) hints.priority = Math.max(-mostPriority, Math.min(mostPriority, priority));
  const kind = dynamoClass(nvext) ?? toId(headers["x-llm-d-inference-objective"]);
  if (kind !== undefined) hints.class = kind;
  const affinity =
    toId(headers["x-session-affinity"]) ??
    toId(headers["x-smg-routing-key"]) ??
    toId(headers["x-smg-target-worker"]) ??
    toId(body.prompt_cache_key);
  if (affinity !== undefined) hints.affinity = affinity;
  const salt = toSalt(body.cache_salt) ?? toSalt(nvext?.["cache_salt"]);
  if (salt !== undefined) hints.cacheSalt = salt;
  return hints;
}

/** Any text is a salt, as it is to the servers. */
function toSalt(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

type Fields = Readonly<Record<string, unknown>> | undefined;

function dynamoPriority(nvext: Fields): number | undefined {
  return nvext && toInt32(fieldsOf(nvext["agent_hints"])["priority"]);
}

function dynamoClass(nvext: Fields): string | undefined {
  return nvext && toId(fieldsOf(nvext["agent_context"])["session_type_id"]);
}

function smgPriority(headers: CallHeaders): number | undefined {
  const name = headers["x-smg-priority"];
  return typeof name === "string" ? smgPriorities.get(name) : undefined;
}

const smgPriorities = new Map([
  ["system", 2],
  ["interactive", 1],
  ["default", 0],
  ["bulk", -1],
]);

/** vLLM serves the smallest number first. */
function vllmPriority({ priority }: IdentityBody): number | undefined {
  const number = toInt32(priority);
  return number === undefined ? undefined : 0 - number;
}

function toInt32(value: unknown): number | undefined {
  return toWhole(value, -(2 ** 31), 2 ** 31 - 1);
}
