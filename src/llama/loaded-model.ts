/** A model in memory: its weights, its KV slots, and how it writes a conversation down as tokens. */

import type { Llama, LlamaModel, TemplateLibrary, Token } from "./library.ts";
import { createKvSlots, type KvSlots } from "./kv-slots.ts";
import type { Message, PromptOf } from "./read-call.ts";

export type LoadedModel = {
  readonly id: string;
  readonly model: LlamaModel;
  readonly slots: KvSlots;
  /** Tokens that prompt and answer of one call may have together. */
  readonly contextTokens: number;
  readonly slotCount: number;
  readonly weightBytes: number;
  readonly toTokens: (prompt: PromptOf) => Token[];
};

export type LoadOptions = {
  readonly id: string;
  readonly path: string;
  readonly slots: number;
  readonly contextTokens: number;
  readonly threads: number;
  readonly mapFile: boolean;
};

/** Prompt tokens that go through the model at once. */
const batchTokens = 512;

export async function loadModel(llama: Llama, library: TemplateLibrary, options: LoadOptions): Promise<LoadedModel> {
  const { id, path, slots, threads, mapFile } = options;
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0, useMmap: mapFile });
  try {
    const contextTokens = Math.min(options.contextTokens, model.trainContextSize);
    const context = await model.createContext({
      sequences: slots,
      contextSize: contextTokens,
      batchSize: batchTokens,
      threads,
    });
    const render = createRender(model, library);
    return {
      id,
      model,
      slots: createKvSlots(context, slots),
      contextTokens,
      slotCount: slots,
      weightBytes: model.size,
      toTokens: (prompt) => tokenise(model, prompt.kind === "text" ? prompt.text : render(prompt.messages)),
    };
  } catch (error) {
    await model.dispose();
    throw error;
  }
}

function tokenise(model: LlamaModel, text: string): Token[] {
  const tokens = model.tokenize(text, true);
  const { bos, shouldPrependBosToken } = model.tokens;
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}

/** By the file's own chat template. A file without one gets a message after another. */
function createRender(model: LlamaModel, { Template }: TemplateLibrary): (messages: readonly Message[]) => string {
  const source = model.fileInfo.metadata.tokenizer?.chat_template;
  if (typeof source !== "string")
    return (messages) => `${messages.map(({ role, content }) => `${role}:${content}\n`).join("")}assistant:`;
  const template = new Template(source);
  const { bosString, eosString } = model.tokens;
  return (messages) =>
    template.render({
      messages,
      add_generation_prompt: true,
      bos_token: bosString ?? "",
      eos_token: eosString ?? "",
    });
}
