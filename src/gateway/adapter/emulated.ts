/** Engines that come with Fate: vLLM's surface, and models loaded and unloaded by name. */

import { array, openObject, text } from "../../trace/shape.ts";
import type { Adapter } from "./adapter.ts";
import type { EngineConfig } from "../config/config.ts";
import { listModels } from "./listed-models.ts";
import { connect, type MakeOptions, toldAbilities, withinLoadTime } from "./make.ts";
import { createNames } from "./names.ts";
import { readVllmFigures } from "./vllm-figures.ts";

const modelNames = array(text({ max: 500 }), { max: 10_000 });
const residencyShape = openObject({ resident: modelNames, loading: modelNames });

export function createEmulatedAdapter(config: EngineConfig, options: MakeOptions): Adapter {
  const server = connect(config, options);
  const names = createNames(config, options);
  const ask = async (verb: "load" | "unload", model: string, signal: AbortSignal): Promise<void> => {
    await server.text(
      { method: "POST", path: `/fate/${verb}`, body: { model: names.toTheirs(model) } },
      withinLoadTime(signal),
    );
  };
  return {
    engine: config.id,
    abilities: { ...toldAbilities(config), loads: true, metrics: true },
    upstream: (model) => ({ origin: server.origin, model: names.toTheirs(model), headers: options.headers }),
    look: async (signal) => {
      const [listed, residency, figures] = await Promise.all([
        listModels(server, signal),
        server.json({ method: "GET", path: "/fate/residency" }, residencyShape, signal),
        readVllmFigures(server, signal),
      ]);
      return {
        models: names.allOurs(listed),
        resident: names.allOurs(residency.resident),
        loading: names.allOurs(residency.loading),
        ...figures,
      };
    },
    load: (model, signal) => ask("load", model, signal),
    unload: (model, signal) => ask("unload", model, signal),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
