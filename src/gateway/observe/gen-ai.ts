/** What OpenTelemetry's GenAI conventions call our surfaces. */

import type { Surface } from "../call/call.ts";

/** `gen_ai.operation.name`. */
export const operations = {
  chat: "chat",
  completions: "text_completion",
  embeddings: "embeddings",
  responses: "chat",
  messages: "chat",
} as const satisfies Record<Surface, string>;

/** `gen_ai.provider.name`: whose API the call spoke, whoever serves it. */
export const providers = {
  chat: "openai",
  completions: "openai",
  embeddings: "openai",
  responses: "openai",
  messages: "anthropic",
} as const satisfies Record<Surface, string>;
