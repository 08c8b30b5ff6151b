/** One vLLM server. It holds its model for good, unless sleep mode lets it give the memory back and take it again. */

import type { Adapter, Sight } from "./adapter.ts";
import type { EngineConfig } from "../config/config.ts";
import { isMissing } from "./engine-fault.ts";
import { listModels } from "./listed-models.ts";
import { connect, type MakeOptions, rejectUnable, toldAbilities, withinLoadTime } from "./make.ts";
import { createNames } from "./names.ts";
import { fallAsleep, isAsleep, wakeUp } from "./sleep-mode.ts";
import { createVllmServersAdapter } from "./vllm-servers.ts";
import { readVllmFigures } from "./vllm-figures.ts";

export function createVllmAdapter(config: EngineConfig, options: MakeOptions): Adapter {
  if (config.servers.length > 0) return createVllmServersAdapter(config, options);
  const server = connect(config, options);
  const names = createNames(config, options);
  /** Whether the paths of sleep mode answer; asked again after the server was away, since it may come back otherwise. */
  let sleeps: boolean | undefined;

  const askAsleep = async (signal: AbortSignal): Promise<boolean> => {
    if (sleeps === false) return false;
    try {
      const asleep = await isAsleep(server, signal);
      sleeps = true;
      return asleep;
    } catch (error) {
      if (!isMissing(error)) throw error;
      sleeps = false;
      return false;
    }
  };

  const look = async (signal: AbortSignal): Promise<Sight> => {
    try {
      const [asleep, listed, figures] = await Promise.all([
        askAsleep(signal),
        listModels(server, signal),
        readVllmFigures(server, signal),
        server.text({ method: "GET", path: "/health" }, signal),
      ]);
      const models = names.allOurs(listed);
      return { models, resident: asleep ? [] : models, loading: [], ...figures };
    } catch (error) {
      sleeps = undefined;
      throw error;
    }
  };

  return {
    engine: config.id,
    get abilities() {
      return { ...toldAbilities(config), loads: sleeps === true, metrics: true };
    },
    upstream: (model) => ({ origin: server.origin, model: names.toTheirs(model), headers: options.headers }),
    look,
    load: async (_, signal) => {
      const bounded = withinLoadTime(signal);
      if (await askAsleep(bounded)) return wakeUp(server, { pause: options.pause, signal: bounded });
    },
    unload: async (_, signal) => {
      const bounded = withinLoadTime(signal);
      const asleep = await askAsleep(bounded);
      if (sleeps !== true) return rejectUnable(config, "unload");
      if (!asleep) await fallAsleep(server, { pause: options.pause, signal: bounded });
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
