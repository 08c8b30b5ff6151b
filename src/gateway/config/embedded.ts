/**
 * What runs where there is no file: four unlike machines, emulated twenty times as fast as their GPUs, and five models. No
 * machine can hold all that it may serve at once, and each model has at least two machines to choose from, so that there is
 * something to schedule.
 */

import type { Config } from "./config.ts";
import type { Environment } from "./environment.ts";
import { parseConfig } from "./parse-config.ts";

export const embeddedName = "the built-in configuration";

export const embeddedText = `
hosts:
  - { id: rack, loadBytesPerSecond: 12e9 }
  - { id: room, loadBytesPerSecond: 8e9 }
  - { id: desk, loadBytesPerSecond: 5e9 }

models:
  - { id: embed-1.2b, contextTokens: 8192 }
  - { id: llama-3.1-8b, contextTokens: 8192 }
  - { id: phi-4-14.7b, contextTokens: 8192 }
  - { id: qwen2.5-32b, contextTokens: 8192 }
  - { id: llama-3.1-70b-fp8, contextTokens: 8192 }

engines:
  - id: h200
    kind: emulated
    host: rack
    gpu: h200-141g
    models: [embed-1.2b, llama-3.1-8b, phi-4-14.7b, qwen2.5-32b, llama-3.1-70b-fp8]
    resident: [llama-3.1-70b-fp8, llama-3.1-8b]
    kvBytes: 8e9
    speed: 20
  - id: h100
    kind: emulated
    host: rack
    gpu: h100-80g
    models: [embed-1.2b, llama-3.1-8b, phi-4-14.7b, qwen2.5-32b, llama-3.1-70b-fp8]
    resident: [qwen2.5-32b]
    kvBytes: 4e9
    speed: 20
  - id: l40s
    kind: emulated
    host: room
    gpu: l40s-48g
    models: [embed-1.2b, llama-3.1-8b, phi-4-14.7b]
    resident: [phi-4-14.7b]
    kvBytes: 4e9
    speed: 20
  - id: rtx-4090
    kind: emulated
    host: desk
    gpu: rtx-4090-24g
    models: [embed-1.2b, llama-3.1-8b]
    resident: [embed-1.2b]
    kvBytes: 4e9
    speed: 20
`;

export function embeddedConfig(env: Environment = {}): Config {
  return parseConfig(embeddedText, embeddedName, env);
}
