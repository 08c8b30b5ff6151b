/** One call of a model: what goes out for an item, and what of the answer counts. */

import type { Surface } from "../call/call.ts";
import type { ShareFault, Turn } from "../live/driver.ts";
import type { DeclaredModelStage } from "./declared.ts";
import type { Scope } from "./evaluate.ts";
import { RenderFault } from "./room.ts";
import { maxRenderedCharacters, render } from "./template.ts";
import { parseJsonValue } from "./declared-shape.ts";
import type { Json, Usage } from "./wire.ts";

/** Carries calls to engines. Knows what the engine calls the model, its keys, and how a prefill/decode pair is called. */
export type Caller = {
  /**
   * What an engine does wrong is a fault, or an answer with its status. In phase `prefill` of the turn it takes the prompt
   * in and resolves to what the decode engine needs; the caller of this tells the driver.
   */
  readonly call: (call: ModelCall) => Promise<ModelAnswer | HandedOver | ShareFault>;
};

export type ModelCall = {
  readonly turn: Turn;
  readonly surface: Surface;
  /** JSON, not streaming; its `model` is the gateway's name for it. */
  readonly body: Buffer;
  readonly signal: AbortSignal;
  /** In phase `decode`: what the prefill of this item resolved to. */
  readonly handOff?: unknown;
  /** To be called when the first token is there, if the caller can tell. */
  readonly firstToken: () => void;
};

export type HandedOver = { readonly kind: "handed-over"; readonly handOff: unknown };

export type ModelAnswer = {
  readonly kind: "answer";
  readonly status: number;
  readonly body: Uint8Array;
  /** Absent: as the body says. */
  readonly usage?: Usage;
};

/** What one item came to. */
export type ItemResult = { readonly text?: string; readonly json?: Json; readonly usage: Usage };

export function surfaceOf({ kind }: DeclaredModelStage): Surface {
  return kind === "embed" ? "embeddings" : "chat";
}

/** Throws a RenderFault if a template cannot be filled. */
export function toBody(stage: DeclaredModelStage, scope: Scope): Buffer {
  const messages: { role: string; content: string }[] = [];
  let characters = 0;
  for (const { role, content } of stage.messages) {
    const text = render(content, scope);
    characters += text.length;
    if (characters > maxRenderedCharacters)
      throw new RenderFault(`the prompt comes to more than ${maxRenderedCharacters} characters`);
    messages.push({ role, content: text });
  }
  const { model, maxTokens, params } = stage;
  const body =
    stage.kind === "embed"
      ? { ...params, model, input: messages[0]?.content ?? "" }
      : { ...params, model, messages, ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }), stream: false };
  return Buffer.from(JSON.stringify(body));
}

/** The item's result, or why the answer is none. */
export function readAnswer(stage: DeclaredModelStage, { status, body, usage }: ModelAnswer): ItemResult | ShareFault {
  const text = Buffer.from(body).toString("utf8");
  if (status < 200 || status > 299) return toStatusFault(status, text);
  const answer = parseData(text);
  if (answer === undefined) return rejected(true, "the engine's answer is not JSON");
  const used = usage ?? readUsage(answer);
  if (stage.kind === "embed") {
    const embedding = at(answer, "data", 0, "embedding");
    if (embedding === undefined) return rejected(false, "the engine's answer has no embedding");
    return { json: embedding, usage: used };
  }
  const content = at(answer, "choices", 0, "message", "content") ?? "";
  if (typeof content !== "string") return rejected(false, "the engine's answer has no text");
  if (stage.output === "text") return { text: content, usage: used };
  if (stage.output === "lines") return { text: content, json: toLines(content), usage: used };
  const json = parseData(unfence(content));
  if (json === undefined) return rejected(true, "the answer is not JSON, as `output: json` asks for");
  return { text: content, json, usage: used };
}

function toStatusFault(status: number, text: string): ShareFault {
  const told = at(parseData(text) ?? null, "error", "message");
  const why = typeof told === "string" && told !== "" ? `: ${told.slice(0, 300)}` : "";
  const busy = status === 429 || status === 503;
  return {
    kind: busy ? "busy" : "rejected",
    retry: busy || status === 408 || status >= 500,
    message: `the engine answered ${status}${why}`,
  };
}

function rejected(retry: boolean, message: string): ShareFault {
  return { kind: "rejected", retry, message };
}

function readUsage(answer: Json): Usage {
  return {
    promptTokens: toCount(at(answer, "usage", "prompt_tokens")),
    outputTokens: toCount(at(answer, "usage", "completion_tokens")),
    cachedTokens: toCount(at(answer, "usage", "prompt_tokens_details", "cached_tokens")),
  };
}

function toCount(value: Json | undefined): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}

function at(value: Json, ...steps: readonly (string | number)[]): Json | undefined {
  let found: Json | undefined = value;
  for (const step of steps) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as { readonly [key: string]: Json })[step];
  }
  return found ?? undefined;
}

/** Models like to wrap data in a Markdown fence. */
function unfence(text: string): string {
  return /^\s*```[a-z]*\n(?<inner>[\s\S]*?)\n?```\s*$/i.exec(text)?.groups?.["inner"] ?? text;
}

/** Lines that hold something, without the marks of a list. */
function toLines(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.replace(/^\s*(?:[-*•]|\d{1,4}[.)])\s+/, "").trim())
    .filter((line) => line !== "");
}

/** Data of moderate depth, or nothing. */
export function parseData(text: string): Json | undefined {
  try {
    return parseJsonValue(JSON.parse(text), { file: "", label: "" }, 0);
  } catch {
    return undefined;
  }
}
