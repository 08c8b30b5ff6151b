/** Reads the body of a call: what is asked of which model. What is not supported is refused and never ignored in silence. */

export type EngineCall = {
  readonly model: string;
  readonly prompt: PromptOf;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Absent: as far as the context goes, up to the engine's own limit. */
  readonly maxTokens?: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly seed?: number;
  readonly stop: readonly string[];
};

export type PromptOf =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "chat"; readonly messages: readonly Message[] };

export type Message = { readonly role: string; readonly content: string };

/** The client's mistake, in OpenAI's words. */
export class CallError extends Error {
  readonly status: number;
  readonly code: string;
  readonly param: string | null;

  constructor(status: number, code: string, param: string | null, message: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

const maxStops = 16;

export function readCall(text: string, surface: "chat" | "completions"): EngineCall {
  const body = readObject(text);
  if (isGiven(body["n"]) && body["n"] !== 1) throw unsupported("n", "one answer a call");
  if (isGiven(body["best_of"]) && body["best_of"] !== 1) throw unsupported("best_of", "one answer a call");
  for (const name of ["logprobs", "response_format", "tools", "functions", "suffix"])
    if (isGiven(body[name]) && body[name] !== false && !isPlain(name, body[name])) throw unsupported(name, "none");
  const limit = body["max_completion_tokens"] ?? body["max_tokens"];
  const prompt: PromptOf =
    surface === "chat"
      ? { kind: "chat", messages: readMessages(body["messages"]) }
      : { kind: "text", text: readPrompt(body["prompt"]) };
  const streamOptions = body["stream_options"];
  return {
    model: readText(body["model"], "model"),
    prompt,
    stream: body["stream"] === true,
    includeUsage: isObject(streamOptions) && streamOptions["include_usage"] === true,
    ...optional("maxTokens", limit, (value) => readNumber(value, "max_tokens", 1, 2 ** 31, true)),
    temperature: isGiven(body["temperature"]) ? readNumber(body["temperature"], "temperature", 0, 10) : 0,
    ...optional("topP", body["top_p"], (value) => readNumber(value, "top_p", 0, 1)),
    ...optional("topK", body["top_k"], (value) => readNumber(value, "top_k", 0, 2 ** 31, true)),
    ...optional("seed", body["seed"], (value) => readNumber(value, "seed", -(2 ** 31), 2 ** 32, true)),
    stop: readStops(body["stop"]),
  };
}

export function readModel(text: string): string {
  return readText(readObject(text)["model"], "model");
}

function readObject(text: string): Record<string, unknown> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new CallError(400, "invalid_json", null, "the body is not JSON");
  }
  if (!isObject(body)) throw new CallError(400, "invalid_json", null, "the body is not a JSON object");
  return body;
}

/** Forms that ask for nothing beyond plain text. */
function isPlain(name: string, value: unknown): boolean {
  if (name === "response_format") return isObject(value) && value["type"] === "text";
  return Array.isArray(value) && value.length === 0;
}

function readMessages(value: unknown): readonly Message[] {
  if (!Array.isArray(value) || value.length === 0) throw invalid("messages", "a list of at least one message");
  return value.map((message: unknown, index) => {
    if (!isObject(message)) throw invalid(`messages[${index}]`, "an object");
    const role = readText(message["role"], `messages[${index}].role`);
    return { role, content: readContent(message["content"], `messages[${index}].content`) };
  });
}

function readContent(value: unknown, param: string): string {
  if (typeof value === "string") return value;
  if (value === null || value === undefined) return "";
  if (!Array.isArray(value)) throw invalid(param, "text or a list of parts");
  const parts = value.map((part: unknown, index) => {
    if (isObject(part) && part["type"] === "text" && typeof part["text"] === "string") return part["text"];
    throw invalid(`${param}[${index}]`, "a part of type text");
  });
  return parts.join("");
}

function readPrompt(value: unknown): string {
  const one: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (typeof one !== "string") throw invalid("prompt", "one text");
  return one;
}

function readStops(value: unknown): readonly string[] {
  if (!isGiven(value)) return [];
  const stops: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (stops.length > maxStops) throw invalid("stop", `at most ${maxStops} texts`);
  return stops.map((stop) => readText(stop, "stop"));
}

function readText(value: unknown, param: string): string {
  if (typeof value !== "string" || value === "") throw invalid(param, "text");
  return value;
}

function readNumber(value: unknown, param: string, least: number, most: number, whole = false): number {
  if (typeof value === "number" && value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw invalid(param, `a ${whole ? "whole " : ""}number from ${least} to ${most}`);
}

function optional<Name extends string>(
  name: Name,
  value: unknown,
  read: (value: unknown) => number,
): Partial<Record<Name, number>> {
  return isGiven(value) ? ({ [name]: read(value) } as Record<Name, number>) : {};
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(param: string, expected: string): CallError {
  return new CallError(400, "invalid_value", param, `${param}: expected ${expected}`);
}

function unsupported(param: string, expected: string): CallError {
  return new CallError(
    400,
    "unsupported_parameter",
    param,
    `${param} is not supported by this engine: expected ${expected}`,
  );
}
