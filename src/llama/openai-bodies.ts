/** An answer in OpenAI's forms: whole, in chunks, and as an error. */

import type { Answer } from "./write-answer.ts";

export type Surface = "chat" | "completions";

export type AnswerHead = {
  readonly surface: Surface;
  readonly id: string;
  readonly model: string;
  /** Seconds since 1970. */
  readonly created: number;
};

export function toBody(head: AnswerHead, text: string, answer: Answer): object {
  const chat = head.surface === "chat";
  const choice = chat ? { message: { role: "assistant", content: text } } : { text };
  return {
    id: head.id,
    object: chat ? "chat.completion" : "text_completion",
    created: head.created,
    model: head.model,
    choices: [{ index: 0, ...choice, logprobs: null, finish_reason: answer.finish }],
    usage: toUsage(answer),
    timings: toTimings(answer),
  };
}

/** The first chunk of a conversation names the role. */
export function toChunk(head: AnswerHead, text: string, first: boolean, finish: Answer["finish"] | null): object {
  const delta = { ...(first ? { role: "assistant" } : {}), ...(text === "" ? {} : { content: text }) };
  const choice = head.surface === "chat" ? { delta } : { text };
  return { ...toChunkHead(head), choices: [{ index: 0, ...choice, logprobs: null, finish_reason: finish }] };
}

export function toUsageChunk(head: AnswerHead, answer: Answer): object {
  return { ...toChunkHead(head), choices: [], usage: toUsage(answer), timings: toTimings(answer) };
}

function toChunkHead({ surface, id, created, model }: AnswerHead): object {
  return { id, object: surface === "chat" ? "chat.completion.chunk" : "text_completion", created, model };
}

function toUsage({ promptTokens, outputTokens, cachedTokens }: Answer): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: outputTokens,
    total_tokens: promptTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

/** Under the names of llama.cpp's own server. */
function toTimings({ promptTokens, cachedTokens, outputTokens, prefillMs, decodeMs }: Answer): object {
  return {
    cache_n: cachedTokens,
    prompt_n: promptTokens - cachedTokens,
    prompt_ms: prefillMs,
    predicted_n: outputTokens,
    predicted_ms: decodeMs,
  };
}

export function toErrorBody(type: string, code: string, param: string | null, message: string): object {
  return { error: { message, type, param, code } };
}
