/** How the clients of others say which of their calls belong together, each as a function; the first that finds an id counts. */

import { fieldsOf, toId, type CallHeaders, type IdentityBody } from "./identity-value.ts";

export type Origin = {
  readonly source: string;
  readonly workflow: string;
  readonly thread?: string;
  readonly parentThread?: string;
  readonly sessionThread?: boolean;
  readonly final?: boolean;
};

type Convention = (headers: CallHeaders, body: IdentityBody) => Origin | undefined;

export function readOrigin(headers: CallHeaders, body: IdentityBody): Origin | undefined {
  for (const convention of conventions) {
    const origin = convention(headers, body);
    if (origin !== undefined) return origin;
  }
  return undefined;
}

/** A child agent has an id of its own inside the session. */
const claudeCode: Convention = (headers, { metadata }) => {
  const workflow = toId(headers["x-claude-code-session-id"]) ?? claudeSession(metadata);
  if (workflow === undefined) return undefined;
  const thread = toId(headers["x-claude-code-agent-id"]);
  return thread === undefined ? { source: "claude-code", workflow } : { source: "claude-code", workflow, thread };
};

const codex: Convention = (headers) => {
  const workflow = toId(headers["session-id"]) ?? toId(headers["session_id"]);
  return workflow === undefined ? undefined : { source: "codex", workflow };
};

/** OpenCode, and whoever else sends `x-session-id`: llm-d's and AIBrix's clients do. */
const openCode: Convention = (headers) => {
  const session = toId(headers["x-session-id"]);
  return session === undefined ? undefined : child("opencode", session, toId(headers["x-parent-session-id"]));
};

/** Trajectories by header or body, a header going before; the body may also name the session that they are part of. */
const dynamo: Convention = (headers, { nvext }) => {
  const byHeader = toId(headers["x-dynamo-trajectory-id"]);
  if (byHeader === undefined && nvext === undefined) return undefined;
  const { agent_context: context, session_control: control } = fieldsOf(nvext);
  const { session_id, trajectory_id, parent_trajectory_id, trajectory_final } = fieldsOf(context);
  const { session_id: controlled, action } = fieldsOf(control);
  const trajectory = byHeader ?? toId(trajectory_id);
  const parent = toId(headers["x-dynamo-parent-trajectory-id"]) ?? toId(parent_trajectory_id);
  const session = toId(session_id) ?? toId(controlled);
  const ends = headers["x-dynamo-trajectory-final"] === "true" || trajectory_final === true;
  if (trajectory === undefined) {
    return session === undefined
      ? undefined
      : { source: "dynamo", workflow: session, final: ends || action === "close" };
  }
  if (session === undefined) return { ...child("dynamo", trajectory, parent), final: ends && parent === undefined };
  if (parent === undefined) return { source: "dynamo", workflow: session, final: ends || action === "close" };
  return { source: "dynamo", workflow: session, thread: trajectory, parentThread: parent, final: action === "close" };
};

const liteLlm: Convention = (headers, { metadata }) => {
  const workflow = toId(headers["x-litellm-session-id"]) ?? toId(fieldsOf(metadata)["session_id"]);
  return workflow === undefined ? undefined : { source: "litellm", workflow };
};

/**
 * OpenAI's key groups prompts that begin alike. Agents put their session's id there; others put the name of a template, under
 * which all their calls would be one workflow without end. So only what a machine made up counts: long, with a digit in it.
 */
const promptCacheKey: Convention = (_headers, { prompt_cache_key: key }) => {
  if (typeof key !== "string" || key.length < 20 || !/\d/.test(key)) return undefined;
  const workflow = toId(key);
  return workflow === undefined ? undefined : { source: "prompt-cache-key", workflow };
};

/** The last resort, and only of a sampled trace: proxies make unsampled ones up for every single call. */
const traceparent: Convention = (headers) => {
  const { traceparent: value } = headers;
  if (typeof value !== "string" || value.length > 256) return undefined;
  const [, trace, flags] =
    /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-([\da-f]{2})(?:-|$)/.exec(value) ?? [];
  if (trace === undefined || flags === undefined || (Number.parseInt(flags, 16) & 1) === 0) return undefined;
  return { source: "traceparent", workflow: trace };
};

const conventions = [claudeCode, codex, openCode, dynamo, liteLlm, promptCacheKey, traceparent];

/** A session that knows its parent only is a thread of it, wherever that one belongs. */
function child(source: string, session: string, parent: string | undefined): Origin {
  if (parent === undefined) return { source, workflow: session };
  return { source, workflow: parent, thread: session, sessionThread: true };
}

/** Before Claude Code had a header, its session stood in `metadata.user_id`: as JSON, and earlier still behind `_session_`. */
function claudeSession(metadata: unknown): string | undefined {
  const { user_id: user } = fieldsOf(metadata);
  if (typeof user !== "string" || user.length > 1024) return undefined;
  if (user.startsWith("{")) return toId(fieldsOf(parseOrNothing(user))["session_id"]);
  const at = user.lastIndexOf("_session_");
  return at === -1 ? undefined : toId(user.slice(at + "_session_".length));
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
