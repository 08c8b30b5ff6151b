/** A server of which only OpenAI's API is known: it lists its models, and that is all it says. */

import type { Adapter, Sight } from "./adapter.ts";
import type { ModelId } from "../../model/model.ts";
import type { EngineConfig } from "../config/config.ts";
import { holdsAll } from "../config/holds-all.ts";
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
    look: async (signal) => toSight(config, names.allOurs(await listModels(server, signal))),
    load: () => rejectUnable(config, "load"),
    unload: () => rejectUnable(config, "unload"),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** What the file names it serves, whether it lists it or not; all that it serves is taken to be loaded, unless it is said to hold fewer. */
function toSight(config: EngineConfig, models: readonly ModelId[]): Sight {
  const served = config.models.length > 0 ? config.models.map(({ id }) => id) : models;
  return holdsAll(config, served.length) ? { models, resident: served } : { models };
}
