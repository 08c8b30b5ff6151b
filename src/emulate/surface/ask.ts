/** What a call asks of a model, whatever the dialect it is asked in. */

import type { IncomingMessage } from "node:http";
import { badRequest, header, isRecord, type ApiError, type Body } from "../http/call.ts";

export type Ask = {
  readonly model: string;
  readonly prompts: readonly (string | Buffer)[];
  /** Answers to each prompt. */
  readonly choices: number;
  readonly maxTokens?: number;
  readonly stop: readonly string[];
  readonly stream: boolean;
  readonly usageInStream: boolean;
  /** The function that the answer must call. */
  readonly tool?: string;
  /** Write until the limit. */
  readonly toTheEnd: boolean;
  /** A length that the client asks the emulation for. */
  readonly tokens?: number;
  readonly salt: string;
};

/** Sizes beyond these are refused: this is an emulation and not a place to keep things. */
const mostTokens = 1_000_000;
const mostChoices = 128;
const mostPrompts = 2048;

/** The fields that all dialects share. `limits` are the names of the length limit, the first present one counts. */
export function readAsk(
  request: IncomingMessage,
  body: Body,
  prompts: readonly (string | Buffer)[],
  limits: readonly string[],
  tool?: string,
): Ask | ApiError {
  const { model, stream = false, n = 1 } = body;
  if (typeof model !== "string" || model === "") return badRequest("model: expected the name of a model", "model");
  if (typeof stream !== "boolean") return badRequest("stream: expected true or false", "stream");
  if (!isCount(n, mostChoices)) return badRequest(`n: expected a whole number from 1 to ${mostChoices}`, "n");
  if (prompts.length === 0 || prompts.length > mostPrompts)
    return badRequest(`expected 1 to ${mostPrompts} prompts, found ${prompts.length}`);
  const limit = limits.find((name) => body[name] !== undefined && body[name] !== null);
  const maxTokens = limit === undefined ? undefined : body[limit];
  if (maxTokens !== undefined && !isCount(maxTokens, mostTokens))
    return badRequest(`${limit}: expected a whole number from 1 to ${mostTokens}`, limit);
  const tokens = readHint(request, body);
  const options = body["stream_options"];
  const salt = body["cache_salt"];
  return {
    model,
    prompts,
    choices: n,
    stop: readStop(body["stop"] ?? body["stop_sequences"]),
    stream,
    usageInStream: isRecord(options) && options["include_usage"] === true,
    toTheEnd: body["ignore_eos"] === true,
    salt: typeof salt === "string" ? salt : "",
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(tool === undefined ? {} : { tool }),
  };
}

/** `x-emulate-output-tokens`, or `emulate.output_tokens` in the body. Nonsense is passed over. */
function readHint(request: IncomingMessage, body: Body): number | undefined {
  const emulate = body["emulate"];
  const wanted =
    header(request, "x-emulate-output-tokens") ?? (isRecord(emulate) ? emulate["output_tokens"] : undefined);
  const tokens = wanted === undefined ? undefined : Number(wanted);
  return isCount(tokens, mostTokens) ? tokens : undefined;
}

function readStop(stop: unknown): readonly string[] {
  const all = Array.isArray(stop) ? (stop as readonly unknown[]) : [stop];
  return all.filter((each): each is string => typeof each === "string" && each !== "").slice(0, 16);
}

function isCount(value: unknown, most: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most;
}

/** Parts inside one another: what is deeper is no text. */
const mostDepth = 32;

/** All text in a message, a part, or a list of either, in the order in which it stands. */
export function textOf(value: unknown, depth = 0): string {
  if (typeof value === "string") return value;
  if (depth === mostDepth) return "";
  if (Array.isArray(value)) return value.map((each) => textOf(each, depth + 1)).join("");
  if (!isRecord(value)) return "";
  let text = "";
  for (const key of ["text", "content", "thinking", "arguments", "output"])
    if (key in value) text += textOf(value[key], depth + 1);
  for (const key of ["tool_calls", "input"]) if (key in value) text += JSON.stringify(value[key]);
  if ("image_url" in value || value["type"] === "image" || value["type"] === "input_image") text += pictureText;
  return text;
}

/** A picture counts as so much text. */
const pictureText = "[picture]".padEnd(1024, ".");

/** Tools stand before the messages, as chat templates have them. */
export function toolsText(tools: unknown): string {
  return Array.isArray(tools) && tools.length > 0 ? JSON.stringify(tools) : "";
}

/** Which function must be called, if any must: the one named, or the first of those given. */
export function forcedTool(tools: unknown, choice: unknown): string | undefined {
  if (!Array.isArray(tools) || tools.length === 0) return undefined;
  if (choice === "required" || (isRecord(choice) && choice["type"] === "any")) return nameOf(tools[0]);
  return isRecord(choice) ? nameOf(choice) : undefined;
}

function nameOf(tool: unknown): string | undefined {
  if (!isRecord(tool)) return undefined;
  const inner = isRecord(tool["function"]) ? tool["function"] : tool;
  return typeof inner["name"] === "string" ? inner["name"] : undefined;
}
