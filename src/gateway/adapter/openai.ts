/** A server of which only OpenAI's API is known: it lists its models, and that is all it says. */

import type { Adapter } from "./adapter.ts";
import type { EngineConfig } from "../config/config.ts";
import { listModels } from "./listed-models.ts";
import { connect, type MakeOptions, rejectUnable, toldAbilities } from "./make.ts";
import { createNames } from "./names.ts";

export function createOpenAiAdapter(config: EngineConfig, options: MakeOptions): Adapter {
  const server = connect(config, options);
  const names = createNames(config, options);
  return {
    engine: config.id,
    abilities: { ...toldAbilities(config), loads: false, metrics: false },
    upstream: (model) => ({ origin: server.origin, model: names.toTheirs(model), headers: options.headers }),
    look: async (signal) => ({ models: names.allOurs(await listModels(server, signal)) }),
    load: () => rejectUnable(config, "load"),
    unload: () => rejectUnable(config, "unload"),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
