/** What Ollama tells of its models: all it has, and those in memory. */

import type { ModelCosts } from "../../cost/cost-model.ts";
import { chainHash } from "../../model/prefix.ts";
import type { Engine } from "../engine.ts";
import { badRequest, sendError, sendJson, type Call } from "../http/call.ts";

/** Far enough away to mean never. */
const never = "2318-01-01T00:00:00Z";

export function tags(call: Call): void {
  const { settings } = call.engine;
  const models = [...settings.names].map(([name, id]) => ({
    ...describe(call.engine, name, settings.costs.models.get(id)),
    modified_at: "2026-01-01T00:00:00Z",
  }));
  sendJson(call, 200, { models });
}

export function ps(call: Call): void {
  const { engine } = call;
  engine.pacer().act(() => {});
  const models = engine
    .batch()
    .weights.resident()
    .map((id) => {
      const costs = engine.settings.costs.models.get(id);
      const expiresMs = engine.keepAlive.expiresMs(id);
      return {
        ...describe(engine, firstName(engine, id), costs),
        size_vram: costs?.footprintBytes ?? 0,
        context_length: contextTokens(engine, costs),
        expires_at: expiresMs === undefined ? never : new Date(expiresMs).toISOString(),
      };
    });
  sendJson(call, 200, { models });
}

export function show(call: Call): void {
  const { engine, body } = call;
  const name = body["model"] ?? body["name"];
  if (typeof name !== "string") return sendError(call, badRequest("model: expected the name of a model"), "ollama");
  const costs = engine.find(name);
  if (costs === undefined)
    return sendError(call, { status: 404, type: "not_found_error", message: `model '${name}' not found` }, "ollama");
  sendJson(call, 200, {
    details: details(costs),
    model_info: {
      "general.architecture": "emulated",
      "general.parameter_count": costs.model.activeParameters,
      "emulated.block_count": costs.model.layers,
      "emulated.embedding_length": costs.model.hiddenSize,
      "emulated.context_length": contextTokens(engine, costs),
    },
    capabilities: ["completion", "tools", "embedding"],
    modified_at: "2026-01-01T00:00:00Z",
  });
}

function describe(engine: Engine, name: string, costs: ModelCosts | undefined): object {
  const digest = chainHash(engine.settings.seed, name).toString(16).padStart(16, "0").repeat(4);
  return { name, model: name, size: costs?.model.weightBytes ?? 0, digest, details: details(costs) };
}

function details(costs: ModelCosts | undefined): object {
  const billions = (costs?.model.activeParameters ?? 0) / 1e9;
  return {
    parent_model: "",
    format: "gguf",
    family: "emulated",
    families: ["emulated"],
    parameter_size: `${Math.round(billions * 10) / 10}B`,
    quantization_level: { bf16: "BF16", fp8: "Q8_0", int4: "Q4_K_M" }[costs?.model.precision ?? "bf16"],
  };
}

function contextTokens({ settings }: Engine, costs: ModelCosts | undefined): number {
  return Math.min(settings.contextTokens, costs?.kvCapacityTokens ?? 0);
}

function firstName({ settings }: Engine, id: string): string {
  return settings.models.some((model) => model.id === id) ? id : "";
}
