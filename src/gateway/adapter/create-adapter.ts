/** The adapter of an engine, by its kind. */

import type { EngineConfig, EngineKind } from "../config/config.ts";
import { isHeaderText } from "../config/variables.ts";
import type { Adapter } from "./adapter.ts";
import { createEmulatedAdapter } from "./emulated.ts";
import { createLlamaCppAdapter } from "./llama-cpp.ts";
import { type MakeOptions, unable } from "./make.ts";
import type { AliasOf } from "./names.ts";
import { createOllamaAdapter } from "./ollama.ts";
import { createOpenAiAdapter } from "./openai.ts";
import { createSglangAdapter } from "./sglang.ts";
import { createVllmAdapter } from "./vllm.ts";
import { type Pause, pauseByClock } from "./wait-until.ts";

const makes: Readonly<Record<EngineKind, (config: EngineConfig, options: MakeOptions) => Adapter>> = {
  vllm: createVllmAdapter,
  sglang: createSglangAdapter,
  "llama-cpp": createLlamaCppAdapter,
  ollama: createOllamaAdapter,
  openai: createOpenAiAdapter,
  emulated: createEmulatedAdapter,
  llama: createEmulatedAdapter,
};

/**
 * `abilities` of what is created may grow with the first look: whether a server can load is often only known from itself.
 * Throws an `EngineFault` if the description misses what the adapter needs.
 */
export function createAdapter(
  config: EngineConfig,
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    /** What the gateway calls a model that a server without `models` in its description names so. */
    readonly aliasOf?: AliasOf;
    /** Between two questions whether a load is done. */
    readonly pause?: Pause;
  },
): Adapter {
  const { aliasOf, pause = pauseByClock } = options;
  const headers = keyHeaders(config, options.env);
  return makes[config.kind](config, { headers, pause, ...(aliasOf === undefined ? {} : { aliasOf }) });
}

function keyHeaders(
  config: EngineConfig,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  if (config.apiKeyEnv === undefined) return {};
  const key = env[config.apiKeyEnv]?.trim() ?? "";
  if (key === "")
    throw unable(config, "apiKeyEnv", `${config.apiKeyEnv} not set`, "an environment variable with the key");
  if (!isHeaderText(key))
    throw unable(config, "apiKeyEnv", `${config.apiKeyEnv} with spaces or other odd characters`, "a key for a header");
  return { authorization: `Bearer ${key}` };
}
