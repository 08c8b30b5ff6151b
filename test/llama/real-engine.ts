/** A real engine over three tiny models, and a client for it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { shapes, type LlamaShape } from "../../src/llama/shape.ts";
import { startLlamaEngine, type LlamaEngine, type LlamaEngineOptions } from "../../src/llama/start-llama-engine.ts";
import { writeGguf } from "../../src/llama/write-gguf.ts";

/**
 * Plain numbers: with fewer bits, some processors multiply a prompt in another way than a lone token, and where two tokens are nearly as
 * likely an answer from kept KV is another one than that from KV made anew.
 */
export const tinyShape: LlamaShape = { ...shapes.small, layers: 2, contextTokens: 2048, format: "f32" };

export type RealEngine = AsyncDisposable & {
  readonly engine: LlamaEngine;
  readonly post: (path: string, body: unknown, signal?: AbortSignal) => Promise<Response>;
  readonly chat: (model: string, said: readonly string[], more?: Record<string, unknown>) => Promise<Completion>;
  readonly residency: () => Promise<{ readonly resident: readonly string[]; readonly loading: readonly string[] }>;
  readonly metric: (name: string, model?: string) => Promise<number>;
};

export type Completion = {
  readonly choices: readonly [{ readonly message: { readonly content: string }; readonly finish_reason: string }];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly total_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
};

export async function startReal(options: Partial<LlamaEngineOptions> = {}): Promise<RealEngine> {
  await using cleanUp = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "fate-llama-"));
  cleanUp.defer(() => rmSync(folder, { recursive: true }));
  const models = ["a", "b", "c"].map((id, seed) => {
    const path = join(folder, `${id}.gguf`);
    writeGguf(path, { name: id, seed, shape: tinyShape });
    return { id, path };
  });
  const engine = await startLlamaEngine({ id: "real", models, contextTokens: 2048, ...options });
  cleanUp.use(engine);
  const post: RealEngine["post"] = (path, body, signal) =>
    fetch(engine.url + path, {
      method: "POST",
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
  const kept = cleanUp.move();
  return {
    engine,
    post,
    chat: async (model, said, more = {}) => {
      const response = await post("/v1/chat/completions", {
        model,
        messages: toMessages(said),
        max_tokens: 8,
        ...more,
      });
      return (await response.json()) as Completion;
    },
    residency: async () => (await (await fetch(`${engine.url}/fate/residency`)).json()) as never,
    metric: async (name, model) => {
      const lines = (await (await fetch(`${engine.url}/metrics`)).text()).split("\n");
      const start = model === undefined ? `vllm:${name} ` : `vllm:${name}{model_name="${model}"} `;
      return Number(lines.find((line) => line.startsWith(start))?.slice(start.length));
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The user and the assistant take turns. */
export function toMessages(said: readonly string[]): readonly { readonly role: string; readonly content: string }[] {
  return said.map((content, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content }));
}
