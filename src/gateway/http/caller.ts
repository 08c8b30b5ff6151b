/** Whose call it is, by its key. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller, Keyring } from "../config/keys.ts";
import { answerFault, type FaultStyle } from "./answer.ts";

/** Answers and returns undefined if it is nobody's. */
export function admitCaller(
  keyring: Keyring,
  { headers }: Pick<IncomingMessage, "headers">,
  response: ServerResponse,
  style: FaultStyle = "openai",
): string | undefined {
  return admit(keyring, headers, response, style)?.tenant;
}

/** Whether the caller may look at what all tenants do; answers if not. */
export function admitOperator(
  keyring: Keyring,
  { headers }: Pick<IncomingMessage, "headers">,
  response: ServerResponse,
): boolean {
  const caller = admit(keyring, headers, response, "openai");
  if (caller === undefined || caller.operator) return caller !== undefined;
  answerFault(response, {
    status: 403,
    type: "permission_error",
    code: "not_an_operator",
    message: `What all tenants do is not for the key ${caller.key}: it is no operator's.`,
  });
  return false;
}

const anybody: Caller = { tenant: "default", key: "", operator: true };

function admit(
  keyring: Keyring,
  headers: IncomingMessage["headers"],
  response: ServerResponse,
  style: FaultStyle,
): Caller | undefined {
  if (keyring.open) return anybody;
  const apiKey = headers["x-api-key"];
  const caller = keyring.find({
    authorization: headers.authorization,
    apiKey: Array.isArray(apiKey) ? undefined : apiKey,
  });
  if (caller !== undefined) return caller;
  const missing = headers.authorization === undefined && apiKey === undefined;
  const fault = {
    status: 401,
    type: "authentication_error",
    code: missing ? "missing_api_key" : "invalid_api_key",
    message: missing ? "A key is needed: send it as 'Authorization: Bearer KEY'." : "The key is not known here.",
  } as const;
  answerFault(response, fault, { "www-authenticate": "Bearer" }, style);
  return undefined;
}
