/** What is asked about an engine and not of its models: which there are, whether it is well, what it holds. */

import { countBatch } from "../batch/count-batch.ts";
import type { Engine } from "../engine.ts";
import { badRequest, isApiError, sendError, sendJson, sendText, type ApiError, type Call } from "../http/call.ts";
import type { ModelCosts } from "../../cost/cost-model.ts";

export function listModels(call: Call): void {
  const { settings } = call.engine;
  const weights = call.engine.batch().weights;
  const shown = [...settings.names].filter(([, model]) => settings.surface !== "vllm" || weights.isResident(model));
  const data = shown.map(([name, model]) => ({
    id: name,
    object: "model",
    created: 0,
    owned_by: "fate",
    root: model,
    parent: null,
    max_model_len: Math.min(settings.contextTokens, settings.costs.models.get(model)?.kvCapacityTokens ?? 0),
  }));
  sendJson(call, 200, { object: "list", data });
}

export function health(call: Call): void {
  call.response.writeHead(200, { "content-length": 0 });
  call.response.end();
}

/** Ollama's way of being well. */
export function greet(call: Call): void {
  sendText(call, 200, "text/plain", "Ollama is running");
}

export function version(call: Call): void {
  sendJson(call, 200, { version: "0.26.0+emulated" });
}

export async function load(call: Call): Promise<void> {
  const costs = namedModel(call);
  if (isApiError(costs)) return sendError(call, costs);
  if (await call.engine.load(costs)) return residency(call);
  sendError(call, {
    status: 503,
    type: "server_error",
    message: `${costs.model.id} could not be loaded.`,
    code: "no_room",
  });
}

export function unload(call: Call): void {
  const { engine } = call;
  const costs = namedModel(call);
  if (isApiError(costs)) return sendError(call, costs);
  if (engine.pacer().act(() => engine.batch().unload(costs.model.id))) return residency(call);
  const message = `${costs.model.id} is in use.`;
  sendError(call, { status: 409, type: "conflict_error", message, code: "in_use" });
}

function namedModel({ engine, body }: Call): ModelCosts | ApiError {
  const { model } = body;
  if (typeof model !== "string") return badRequest("model: expected the name of a model", "model");
  const message = `The model \`${model}\` does not exist.`;
  return engine.find(model) ?? { status: 404, type: "NotFoundError", message, param: "model" };
}

export function residency(call: Call): void {
  const { engine } = call;
  engine.pacer().act(() => {});
  const { weights } = engine.batch();
  const loading = weights.loading();
  sendJson(call, 200, { resident: weights.resident(), loading: loading === undefined ? [] : [loading] });
}

export function stats(call: Call): void {
  sendJson(call, 200, toStats(call.engine));
}

export type EngineStats = {
  readonly calls: number;
  /** Turned away at the door. */
  readonly refused: number;
  readonly failed: number;
  /** Left by their clients. */
  readonly aborted: number;
  readonly running: number;
  readonly waiting: number;
  readonly resident: readonly string[];
  readonly loading: readonly string[];
  readonly loads: number;
  readonly evictions: number;
  readonly preemptions: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly kvTokens: number;
  readonly handOffsGiven: number;
  readonly handOffsTaken: number;
  readonly recomputed: number;
  /** How often each kind of fault has struck. */
  readonly faults: Readonly<Record<string, number>>;
  /** Virtual time since it began, and how much of it something was computed. */
  readonly virtualUs: number;
  readonly busyUs: number;
};

export function toStats(engine: Engine): EngineStats {
  engine.pacer().act(() => {});
  const batch = engine.batch();
  const { totals } = engine;
  const { running, waiting, kvTokens } = countBatch(batch);
  let promptTokens = 0;
  let cachedTokens = 0;
  let outputTokens = 0;
  for (const model of totals.models.values()) {
    promptTokens += model.promptTokens;
    cachedTokens += model.prefixHits;
    outputTokens += model.outputTokens;
  }
  const loading = batch.weights.loading();
  return {
    calls: totals.calls,
    refused: totals.refused,
    failed: totals.failed,
    aborted: totals.aborted,
    running,
    waiting,
    resident: batch.weights.resident(),
    loading: loading === undefined ? [] : [loading],
    ...batch.weights.counts(),
    preemptions: batch.counts.preemptions,
    promptTokens,
    cachedTokens,
    outputTokens,
    kvTokens,
    handOffsGiven: totals.handOffsGiven,
    handOffsTaken: totals.handOffsTaken,
    recomputed: totals.recomputed,
    faults: engine.faults.counts(),
    virtualUs: batch.nowUs,
    busyUs: batch.counts.busyUs,
  };
}
