/** One call from prompt to answer, in a KV slot of its own, with the figures that it leaves behind. */

import type { SamplingOptions, Token } from "./library.ts";
import { generate } from "./kv-slots.ts";
import type { LoadedModel } from "./loaded-model.ts";
import { CallError, type EngineCall } from "./read-call.ts";
import { createTextStream } from "./text-stream.ts";

export type Answer = {
  readonly finish: "stop" | "length";
  readonly promptTokens: number;
  /** Of these, those whose KV was there already. */
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
};

export type AnswerOptions = {
  readonly call: EngineCall;
  readonly loaded: LoadedModel;
  /** Where the client sets no limit. */
  readonly defaultTokens: number;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  /** Text as it comes; never half a character. */
  readonly write: (text: string) => void;
};

/** Runs one call in a slot of its own and gives the slot back, whatever happens. */
export async function writeAnswer(options: AnswerOptions): Promise<Answer> {
  const { call, loaded, signal, nowMs } = options;
  const prompt = toPrompt(loaded, call);
  const limit = limitTokens(loaded, call, prompt.length, options.defaultTokens);
  const beganMs = nowMs();
  const { slot, sharedTokens } = await loaded.slots.take(prompt);
  try {
    let prefilledMs = beganMs;
    let outputTokens = 0;
    const text = createTextStream(loaded.model, call.stop, options.write);
    for await (const token of generate(slot.sequence, prompt.slice(sharedTokens), toSampling(call), signal)) {
      if (outputTokens++ === 0) prefilledMs = nowMs();
      text.push(token);
      if (text.stopped() || outputTokens === limit) break;
    }
    if (outputTokens === 0) prefilledMs = nowMs();
    text.end();
    return {
      finish: outputTokens < limit || text.stopped() ? "stop" : "length",
      promptTokens: prompt.length,
      cachedTokens: sharedTokens,
      outputTokens,
      prefillMs: prefilledMs - beganMs,
      decodeMs: nowMs() - prefilledMs,
    };
  } finally {
    loaded.slots.release(slot);
  }
}

function toPrompt(loaded: LoadedModel, call: EngineCall): Token[] {
  try {
    const prompt = loaded.toTokens(call.prompt);
    if (prompt.length > 0) return prompt;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CallError(400, "chat_template", "messages", `the model's chat template refuses the messages: ${reason}`);
  }
  throw new CallError(400, "invalid_value", "prompt", "the prompt is empty");
}

function limitTokens(loaded: LoadedModel, call: EngineCall, promptTokens: number, defaultTokens: number): number {
  const left = loaded.contextTokens - promptTokens;
  const limit = call.maxTokens ?? Math.min(defaultTokens, left);
  if (limit <= left && left > 0) return limit;
  const asked = call.maxTokens === undefined ? "" : ` and ${call.maxTokens} of answer`;
  throw new CallError(
    400,
    "context_length_exceeded",
    "messages",
    `${promptTokens} tokens of prompt${asked} do not fit into the context of ${loaded.contextTokens}`,
  );
}

function toSampling({ temperature, topP, topK, seed }: EngineCall): SamplingOptions {
  return {
    temperature,
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    // The same call twice is the same answer twice, unless the client asks for another.
    seed: (seed ?? 0) >>> 0,
  };
}
