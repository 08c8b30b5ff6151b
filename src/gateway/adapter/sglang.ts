/**
 * One SGLang server with one model. It can give its memory back and take it again, but only where it keeps a copy of the weights
 * in host memory: otherwise what comes back is empty, and it would answer nonsense.
 */

import { boolean, openObject, withDefault } from "../../trace/shape.ts";
import type { Adapter, Sight } from "./adapter.ts";
import type { EngineConfig } from "../config/config.ts";
import { EngineFault, isMissing } from "./engine-fault.ts";
import { listModels } from "./listed-models.ts";
import { connect, maxDrainMs, type MakeOptions, rejectUnable, toldAbilities, unable, withinLoadTime } from "./make.ts";
import { createNames } from "./names.ts";
import type { Server } from "./server.ts";
import { readSglangFigures } from "./sglang-figures.ts";
import { waitUntil } from "./wait-until.ts";

export function createSglangAdapter(config: EngineConfig, options: MakeOptions): Adapter {
  const server = connect(config, options);
  const names = createNames(config, options);
  /** Whether memory can be released; asked again after the server was away. */
  let releases: boolean | undefined;
  /** SGLang does not tell, so it is what was done last. A server that comes back has its memory. */
  let released = false;
  let metrics = true;

  const look = async (signal: AbortSignal): Promise<Sight> => {
    try {
      const [listed, figures, canRelease] = await Promise.all([
        listModels(server, signal),
        readSglangFigures(server, signal),
        releases ?? readReleases(server, signal),
        server.text({ method: "GET", path: "/health" }, signal),
      ]);
      releases = canRelease;
      metrics = figures !== undefined;
      const models = names.allOurs(listed);
      return { models, resident: released ? [] : models, loading: [], ...figures };
    } catch (error) {
      releases = undefined;
      if (error instanceof EngineFault && error.kind === "unreachable") released = false;
      throw error;
    }
  };

  const load = async (signal: AbortSignal): Promise<void> => {
    if (!released) return;
    await server.text({ method: "POST", path: "/resume_memory_occupation", body: {} }, signal);
    released = false;
  };

  const unload = async (signal: AbortSignal): Promise<void> => {
    if (released) return;
    const isIdle = async (): Promise<boolean> => {
      const { running = 0, waiting = 0 } = (await readSglangFigures(server, signal)) ?? {};
      return running + waiting === 0;
    };
    if (!(await waitUntil(isIdle, { pause: options.pause, signal, withinMs: maxDrainMs })))
      throw unable(config, "unload", `calls that still run after ${maxDrainMs} ms`, "none");
    await server.text({ method: "POST", path: "/release_memory_occupation", body: {} }, signal);
    released = true;
  };

  return {
    engine: config.id,
    get abilities() {
      return { ...toldAbilities(config), loads: releases === true, metrics };
    },
    upstream: (model) => ({ origin: server.origin, model: names.toTheirs(model), headers: options.headers }),
    look,
    load: (_, signal) => (releases === true ? load(withinLoadTime(signal)) : rejectUnable(config, "load")),
    unload: (_, signal) => (releases === true ? unload(withinLoadTime(signal)) : rejectUnable(config, "unload")),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const infoShape = openObject({
  enable_memory_saver: withDefault(boolean(), false),
  enable_weights_cpu_backup: withDefault(boolean(), false),
});

async function readReleases(server: Server, signal: AbortSignal): Promise<boolean> {
  for (const path of ["/server_info", "/get_server_info"]) {
    try {
      const info = await server.json({ method: "GET", path }, infoShape, signal);
      return info.enable_memory_saver && info.enable_weights_cpu_backup;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return false;
}
