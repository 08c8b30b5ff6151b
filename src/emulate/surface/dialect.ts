/** How one API writes an answer: whole, or as a stream of an opening, pieces of text, and a closing. */

import type { IncomingMessage } from "node:http";
import type { TaskTimes } from "../batch/task.ts";
import type { ApiError, Body, ErrorStyle } from "../http/call.ts";
import type { Answer } from "../text/write-answer.ts";
import type { Ask } from "./ask.ts";

export type Dialect = {
  readonly errors: ErrorStyle;
  /** Of a stream. */
  readonly contentType: string;
  readonly read: (request: IncomingMessage, body: Body) => Ask | ApiError;
  readonly render: (ask: Ask, meta: Meta) => Rendering;
};

export type Meta = {
  /** Unique on this engine. */
  readonly id: string;
  readonly createdS: number;
  readonly promptTokens: number;
};

export type Rendering = {
  readonly opening: (cachedTokens: number) => string;
  /** `text` needs no escaping. */
  readonly piece: (choice: number, text: string) => string;
  readonly closing: (done: Done) => string;
  readonly whole: (done: Done) => string;
};

export type Done = {
  /** Of all prompts, one after another. */
  readonly answers: readonly Answer[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** Of the first prompt. */
  readonly times: TaskTimes;
  /** Virtual to what a client sees. */
  readonly toWallUs: (us: number) => number;
  readonly kvTransferParams?: Readonly<Record<string, unknown>>;
};

export function toUsage({ promptTokens, outputTokens, cachedTokens }: Done): string {
  return (
    `{"prompt_tokens":${promptTokens},"completion_tokens":${outputTokens},"total_tokens":${promptTokens + outputTokens},` +
    `"prompt_tokens_details":{"cached_tokens":${cachedTokens}}}`
  );
}

/** `,"kv_transfer_params":...` or nothing. */
export function toKvParams({ kvTransferParams }: Done): string {
  return kvTransferParams === undefined ? "" : `,"kv_transfer_params":${JSON.stringify(kvTransferParams)}`;
}
