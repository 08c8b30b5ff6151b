/** `/v1/embeddings`: directions that follow from the text alone, so that equal texts have equal ones. */

import type { ModelCosts } from "../../cost/cost-model.ts";
import type { TaskTimes } from "../batch/task.ts";
import {
  badRequest,
  isApiError,
  sendError,
  sendJson,
  type ApiError,
  type Call,
  type ErrorStyle,
} from "../http/call.ts";
import { toPrompt, type Prompt } from "../text/tokens.ts";
import { scramble } from "../text/write-answer.ts";
import { countTask } from "../totals.ts";
import { toPrompts } from "./completions.ts";
import { findModel, whenFull } from "./plan.ts";

const defaultDimensions = 64;
const mostDimensions = 4096;
const mostInputs = 2048;

export async function embeddings(call: Call): Promise<void> {
  const found = await embed(call, "openai");
  if (found === undefined) return;
  const base64 = call.body["encoding_format"] === "base64";
  const data = found.vectors.map((vector, index) => ({
    object: "embedding",
    index,
    embedding: base64 ? Buffer.from(Float32Array.from(vector).buffer).toString("base64") : vector,
  }));
  const usage = { prompt_tokens: found.promptTokens, total_tokens: found.promptTokens };
  sendJson(call, 200, { object: "list", data, model: call.body["model"], usage });
}

export type Embedded = {
  readonly vectors: readonly (readonly number[])[];
  readonly promptTokens: number;
  /** Of the first input. */
  readonly times: TaskTimes;
};

/** Undefined if the call has been answered otherwise or its client is gone. */
export async function embed(call: Call, errors: ErrorStyle): Promise<Embedded | undefined> {
  const read = readInputs(call);
  if (isApiError(read)) {
    call.engine.totals.refused++;
    sendError(call, read, errors);
    return undefined;
  }
  const { costs, prompts, dimensions } = read;
  call.engine.totals.calls++;
  const times = await takeIn(call, costs, prompts);
  if (times === undefined) {
    const message = "The call was aborted.";
    sendError(call, { status: 503, type: "server_error", message, code: "aborted" }, errors);
    return undefined;
  }
  return {
    vectors: prompts.map((prompt) => toVector(prompt, dimensions)),
    promptTokens: prompts.reduce((sum, { tokens }) => sum + tokens, 0),
    times,
  };
}

type Inputs = { readonly costs: ModelCosts; readonly prompts: readonly Prompt[]; readonly dimensions: number };

function readInputs({ engine, body }: Call): Inputs | ApiError {
  const { model, input, dimensions = defaultDimensions } = body;
  if (typeof model !== "string") return badRequest("model: expected the name of a model", "model");
  const texts = toPrompts(input);
  if (texts === undefined || texts.length > mostInputs)
    return badRequest(`input: expected text, token ids, or a list of at most ${mostInputs}`, "input");
  if (typeof dimensions !== "number" || !Number.isInteger(dimensions) || dimensions < 1 || dimensions > mostDimensions)
    return badRequest(`dimensions: expected a whole number from 1 to ${mostDimensions}`, "dimensions");
  const costs = findModel(engine, model);
  if (isApiError(costs)) return costs;
  const prompts = texts.map((text) => toPrompt(text, engine.settings.blockTokens));
  const room = Math.min(engine.settings.contextTokens, costs.kvCapacityTokens);
  if (prompts.some(({ tokens }) => tokens > room))
    return { ...badRequest(`An input is longer than ${room} tokens.`), code: "context_length_exceeded" };
  return whenFull(engine, prompts.length) ?? { costs, prompts, dimensions };
}

/** Times of the first input once all are taken in; undefined if that did not come to be. */
function takeIn(
  { engine, response }: Call,
  costs: ModelCosts,
  prompts: readonly Prompt[],
): Promise<TaskTimes | undefined> {
  const pacer = engine.pacer();
  const batch = engine.batch();
  return new Promise((resolve) => {
    const ended: TaskTimes[] = [];
    const tasks = prompts.map((prompt, index) => ({
      costs,
      prompt,
      sequences: 1,
      outputTokens: 0,
      phase: "whole" as const,
      streams: false,
      onTokens: () => {},
      onEnd: (times: TaskTimes) => {
        ended[index] = times;
        countTask(engine.totals.of(costs.model.id), times, prompt.tokens, 0, pacer.toWallUs);
        if (Object.keys(ended).length === prompts.length) resolve(ended[0]);
      },
      onFail: () => {
        engine.totals.failed++;
        resolve(undefined);
      },
    }));
    response.once("close", () => {
      if (Object.keys(ended).length === prompts.length) return;
      engine.totals.aborted++;
      pacer.act(() => tasks.forEach((task) => batch.cancel(task)));
      resolve(undefined);
    });
    pacer.act(() => tasks.forEach((task) => batch.submit(task)));
  });
}

/** Of length 1. */
function toVector({ hash }: Prompt, dimensions: number): readonly number[] {
  const raw = Array.from(
    { length: dimensions },
    (_, index) => scramble(hash + Math.imul(index + 1, 0x9e37_79b9)) / 2 ** 31 - 1,
  );
  const length = Math.hypot(...raw);
  return raw.map((value) => Math.round((value / length) * 1e6) / 1e6);
}
