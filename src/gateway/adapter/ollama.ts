/** Ollama: models come and go by its native API, calls go to its OpenAI-compatible one. */

import { array, integer, openObject, optional, text } from "../../trace/shape.ts";
import type { Adapter } from "./adapter.ts";
import type { EngineConfig } from "../config/config.ts";
import { EngineFault } from "./engine-fault.ts";
import { connect, type MakeOptions, toldAbilities, withinLoadTime } from "./make.ts";
import { createNames } from "./names.ts";
import type { Server } from "./server.ts";

/** Ollama's own measurements, in whole microseconds; what an answer does not tell is absent. */
export type OllamaTimings = {
  readonly loadUs?: number;
  readonly promptTokens?: number;
  readonly prefillUs?: number;
  readonly outputTokens?: number;
  readonly decodeUs?: number;
};

export type OllamaAdapter = Adapter & {
  /** What the last load took, as Ollama measured it. */
  readonly lastLoad: () => (OllamaTimings & { readonly model: string }) | undefined;
};

const modelsShape = openObject({ models: array(openObject({ name: text({ max: 500 }) }), { max: 10_000 }) });

export function createOllamaAdapter(config: EngineConfig, options: MakeOptions): OllamaAdapter {
  const server = connect(config, options);
  const names = createNames(config, { ...options, normalise: withTag });
  let lastLoad: (OllamaTimings & { readonly model: string }) | undefined;
  const list = async (path: string, signal: AbortSignal): Promise<readonly string[]> => {
    const { models } = await server.json({ method: "GET", path }, modelsShape, signal);
    return names.allOurs(models.map(({ name }) => name));
  };
  return {
    engine: config.id,
    abilities: { ...toldAbilities(config), loads: true, metrics: false },
    upstream: (model) => ({ origin: server.origin, model: names.toTheirs(model), headers: options.headers }),
    look: async (signal) => {
      const [models, resident] = await Promise.all([list("/api/tags", signal), list("/api/ps", signal)]);
      return { models, resident };
    },
    load: async (model, signal) => {
      const timings = await keepAlive(server, names.toTheirs(model), -1, withinLoadTime(signal));
      lastLoad = { model, ...timings };
    },
    unload: async (model, signal) => {
      await keepAlive(server, names.toTheirs(model), 0, withinLoadTime(signal));
    },
    lastLoad: () => lastLoad,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A name without a tag means the tag `latest`. */
function withTag(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1).includes(":") ? name : `${name}:latest`;
}

const nanoseconds = optional(integer({ max: Number.MAX_SAFE_INTEGER }));
const count = optional(integer({ max: 1e12 }));
const timingsShape = openObject({
  load_duration: nanoseconds,
  prompt_eval_count: count,
  prompt_eval_duration: nanoseconds,
  eval_count: count,
  eval_duration: nanoseconds,
});

/** Without a prompt a request only says how long the model is to stay. One that only embeds is told by its own path. */
async function keepAlive(server: Server, model: string, seconds: -1 | 0, signal: AbortSignal): Promise<OllamaTimings> {
  const body = { model, keep_alive: seconds, stream: false };
  try {
    return toTimings(await server.json({ method: "POST", path: "/api/generate", body }, timingsShape, signal));
  } catch (error) {
    if (!(error instanceof EngineFault) || error.status !== 400) throw error;
    const input = { model, keep_alive: seconds, input: "" };
    return toTimings(await server.json({ method: "POST", path: "/api/embed", body: input }, timingsShape, signal));
  }
}

/** The measurements in any native answer of Ollama; undefined if it is not one. */
export function readOllamaTimings(answer: unknown): OllamaTimings | undefined {
  try {
    return toTimings(timingsShape.parse(answer, { file: "answer", label: "" }));
  } catch {
    return undefined;
  }
}

function toTimings(answer: ReturnType<typeof timingsShape.parse>): OllamaTimings {
  return {
    ...(answer.load_duration === undefined ? {} : { loadUs: toUs(answer.load_duration) }),
    ...(answer.prompt_eval_count === undefined ? {} : { promptTokens: answer.prompt_eval_count }),
    ...(answer.prompt_eval_duration === undefined ? {} : { prefillUs: toUs(answer.prompt_eval_duration) }),
    ...(answer.eval_count === undefined ? {} : { outputTokens: answer.eval_count }),
    ...(answer.eval_duration === undefined ? {} : { decodeUs: toUs(answer.eval_duration) }),
  };
}

function toUs(nanosecondCount: number): number {
  return Math.round(nanosecondCount / 1000);
}
