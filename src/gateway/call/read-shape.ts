/** What a call asks for, read from its parsed body: the model, the prompt as a chain of hashes, and the caps on the answer. */

import { type CallFault, type CallShape, type Surface } from "./call.ts";
import { invalid, missing, wrongType } from "./fault.ts";
import { PromptChain } from "./prompt-chain.ts";
import { readPrompt, type Body } from "./read-prompt.ts";

/** Reads a body as `surface` says. Fields it does not know are left to the engine. */
export function readShape(surface: Surface, body: unknown): CallShape | CallFault {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return invalid("invalid_type", undefined, "The body must be a JSON object.");
  }
  const fields: Body = body;
  const { model, stream } = fields;
  if (model === undefined || model === null) return missing("model");
  if (typeof model !== "string") return wrongType("model", "a string", model);
  if (model === "" || model.length > longestModel) {
    return invalid("invalid_value", "model", `'model' must be 1 to ${longestModel} characters long.`);
  }
  if (stream !== undefined && stream !== null && typeof stream !== "boolean") {
    return wrongType("stream", "a boolean", stream);
  }
  const limit = readLimit(surface, fields);
  if (typeof limit === "object") return limit;
  const answers = readAnswers(surface, fields);
  if (typeof answers === "object") return answers;
  const chain = new PromptChain();
  const prompts = readPrompt(surface, fields, chain);
  if (typeof prompts === "object") return prompts;
  const shape: Writable<CallShape> = {
    model,
    stream: stream === true,
    chain: chain.links,
    promptTokens: chain.tokens,
    lastTokens: chain.lastTokens,
    sequences: prompts * answers,
  };
  if (limit !== undefined) shape.limitTokens = limit;
  const expected = readExpected(fields);
  if (expected !== undefined) shape.expectedTokens = expected;
  return shape;
}

type Writable<Shape> = { -readonly [Key in keyof Shape]: Shape[Key] };

const longestModel = 256;
const mostAnswers = 128;
/** More than any model writes: a larger cap is as good as none. */
const mostTokens = 2 ** 31 - 1;

/** Of two caps the newer name counts, as it does with the servers. */
function readLimit(surface: Surface, body: Body): number | CallFault | undefined {
  if (surface === "embeddings") return undefined;
  if (surface === "responses") return readCount("max_output_tokens", body.max_output_tokens, 0);
  if (surface === "chat") {
    const limit = readCount("max_completion_tokens", body.max_completion_tokens, 0);
    if (limit !== undefined) return limit;
  }
  return readCount("max_tokens", body.max_tokens, 0);
}

function readAnswers(surface: Surface, body: Body): number | CallFault {
  if (surface !== "chat" && surface !== "completions") return 1;
  const answers = readCount("n", body.n, 1, mostAnswers) ?? 1;
  if (typeof answers === "object" || surface === "chat") return answers;
  const best = readCount("best_of", body.best_of, 1, mostAnswers) ?? 1;
  return typeof best === "object" ? best : Math.max(answers, best);
}

/** Dynamo's hint; what is not a number of tokens is no hint. */
function readExpected({ nvext }: Body): number | undefined {
  if (typeof nvext !== "object" || nvext === null) return undefined;
  const hints = (nvext as { readonly agent_hints?: { readonly osl?: unknown } | null }).agent_hints;
  if (typeof hints !== "object" || hints === null) return undefined;
  const { osl } = hints;
  return typeof osl === "number" && Number.isInteger(osl) && osl > 0 && osl <= mostTokens ? osl : undefined;
}

function readCount(param: string, value: unknown, least: number, most = mostTokens): number | CallFault | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) return wrongType(param, "an integer", value);
  if (value < least) {
    const message = `Invalid '${param}': expected a value of at least ${least}, but got ${value}.`;
    return invalid("integer_below_min_value", param, message);
  }
  if (value > most) {
    const message = `Invalid '${param}': expected a value of at most ${most}, but got ${value}.`;
    return invalid("integer_above_max_value", param, message);
  }
  return value;
}
