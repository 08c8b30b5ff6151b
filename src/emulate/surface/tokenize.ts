/** `/tokenize`: the ids under which KV events tell of the same text. */

import { badRequest, sendError, sendJson, type Call } from "../http/call.ts";
import { toTokenIds } from "../text/tokens.ts";
import { textOf, toolsText } from "./ask.ts";

export function tokenize(call: Call): void {
  const { prompt, messages, tools } = call.body;
  if (typeof prompt !== "string" && !Array.isArray(messages))
    return sendError(call, badRequest("expected prompt: text, or messages: a list", "prompt"));
  const text = typeof prompt === "string" ? prompt : toolsText(tools) + textOf(messages);
  const tokens = toTokenIds(Buffer.from(text));
  const { settings } = call.engine;
  const rooms = [...settings.costs.models.values()].map((costs) => costs.kvCapacityTokens);
  sendJson(call, 200, {
    count: tokens.length,
    max_model_len: Math.min(settings.contextTokens, ...rooms),
    tokens,
  });
}
