/**
 * Who a call says it is: by our own headers, by its body's `workflow`, or by whichever client's convention it follows.
 * docs/identity.md has the table. Everything read here serves scheduling only; nothing is trusted for more.
 */

import type { CallFault, Identity } from "./call.ts";
import { readOrigin, type Origin } from "./conventions.ts";
import { readHints } from "./hints.ts";
import type { CallHeaders, IdentityBody } from "./identity-value.ts";
import { readOwn } from "./own-identity.ts";

/** With what the wire says beyond the contract: how threads hang together. */
export type ReadIdentity = Identity & {
  /** The thread that began this call's thread; absent: the workflow's main one. */
  readonly parentThread?: string;
  /** The thread is a session of its own, which its children may name as if it were the workflow. */
  readonly sessionThread?: boolean;
};

/** Our own fields must be well-formed. A foreign one that is not is passed over. */
export function readIdentity(headers: CallHeaders, body: unknown): ReadIdentity | CallFault {
  const fields: IdentityBody = typeof body === "object" && body !== null ? body : {};
  const own = readOwn(headers, fields.workflow);
  if ("status" in own) return own;
  const origin = readOrigin(headers, fields);
  const identity: { -readonly [Key in keyof ReadIdentity]: ReadIdentity[Key] } = readHints(headers, fields);
  if (origin !== undefined && own.workflow === undefined) Object.assign(identity, origin);
  else if (origin !== undefined) Object.assign(identity, insideOwn(origin));
  Object.assign(identity, own);
  if (own.workflow !== undefined) identity.source = "fate";
  return identity;
}

/** Inside a workflow that our own header names, each session of a client is a thread. */
function insideOwn({ source, workflow, thread, parentThread }: Origin): Pick<ReadIdentity, "thread" | "parentThread"> {
  if (source === "traceparent") return {};
  if (thread === undefined) return { thread: workflow };
  return { thread, parentThread: parentThread ?? workflow };
}
