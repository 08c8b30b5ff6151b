/** What a call is going to get: its prompts, and the answers to them, which are known before a token is written. */

import type { ModelCosts } from "../../cost/cost-model.ts";
import { chainHash } from "../../model/prefix.ts";
import type { Engine } from "../engine.ts";
import { badRequest, type ApiError } from "../http/call.ts";
import { bytesPerToken, toPrompt, type Prompt } from "../text/tokens.ts";
import { writeAnswer, type Answer } from "../text/write-answer.ts";
import type { Ask } from "./ask.ts";

const defaultMaxTokens = 256;
const toolTokens = 8;

export type Plan = { readonly prompt: Prompt; readonly answers: readonly Answer[] };

/** The model, if a call may use it now: a server that does not load by itself knows only what is resident. */
export function findModel(engine: Engine, name: string): ModelCosts | ApiError {
  const costs = engine.find(name);
  const unknown: ApiError = {
    status: 404,
    type: "NotFoundError",
    message: `The model \`${name}\` does not exist.`,
    param: "model",
    code: "model_not_found",
  };
  if (costs === undefined) return unknown;
  if (engine.sleepLevel > 0)
    return { status: 503, type: "server_error", message: "The engine is asleep.", code: "asleep" };
  if (engine.settings.surface === "vllm" && !engine.batch().weights.isResident(costs.model.id)) return unknown;
  return costs;
}

export function toPlan(engine: Engine, costs: ModelCosts, ask: Ask, text: string | Buffer): Plan {
  const { seed, blockTokens } = engine.settings;
  const prompt = toPrompt(text, blockTokens, ask.salt);
  const room = Math.max(1, roomTokens(engine, costs) - prompt.tokens);
  const maxTokens = ask.maxTokens ?? Math.min(defaultMaxTokens, room);
  const answers: Answer[] = [];
  for (let choice = 0; choice < ask.choices; choice++) {
    if (ask.tool !== undefined) {
      answers.push({ text: "{}", tokens: toolTokens, finish: "tool" });
      continue;
    }
    const key = chainHash(prompt.hash, `${seed}/${costs.model.id}/${choice}`);
    const { tokens, toTheEnd, stop } = ask;
    answers.push(writeAnswer({ key, maxTokens, toTheEnd, stop, ...(tokens === undefined ? {} : { tokens }) }));
  }
  return { prompt, answers };
}

/** Another engine writes the rest. */
export function firstToken({ prompt, answers }: Plan): Plan {
  return {
    prompt,
    answers: answers.map(({ text }) => ({ text: text.slice(0, bytesPerToken), tokens: 1, finish: "length" })),
  };
}

function roomTokens({ settings }: Engine, { kvCapacityTokens }: ModelCosts): number {
  return Math.min(settings.contextTokens, kvCapacityTokens);
}

/** Why the call is turned away at the door, if it is. */
export function admit(engine: Engine, costs: ModelCosts, ask: Ask, plans: readonly Plan[]): ApiError | undefined {
  const room = roomTokens(engine, costs);
  for (const { prompt, answers } of plans) {
    const needed = prompt.tokens + answers.reduce((sum, answer) => sum + answer.tokens, 0);
    if (needed <= room) continue;
    const message = `This model's maximum context length is ${room} tokens; the prompt has ${prompt.tokens}, and ${needed - prompt.tokens} more would be written.`;
    return { ...badRequest(message), code: "context_length_exceeded" };
  }
  const { maxSequences } = engine.settings.costs.engine.batching;
  if (ask.choices > maxSequences) return badRequest(`n: expected at most ${maxSequences}`, "n");
  return whenFull(engine, plans.length);
}

export function whenFull(engine: Engine, more: number): ApiError | undefined {
  if (engine.batch().waiting.length + more <= engine.settings.maxWaiting) return undefined;
  return { status: 503, type: "server_error", message: "The queue is full; try again later.", code: "queue_full" };
}
