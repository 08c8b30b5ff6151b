/** Whose call it is, by its key. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Keyring } from "../config/keys.ts";
import { answerFault, type FaultStyle } from "./answer.ts";

/** Answers and returns undefined if it is nobody's. */
export function admitCaller(
  keyring: Keyring,
  { headers }: Pick<IncomingMessage, "headers">,
  response: ServerResponse,
  style: FaultStyle = "openai",
): string | undefined {
  if (keyring.open) return "default";
  const apiKey = headers["x-api-key"];
  const caller = keyring.find({
    authorization: headers.authorization,
    apiKey: Array.isArray(apiKey) ? undefined : apiKey,
  });
  if (caller !== undefined) return caller.tenant;
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
