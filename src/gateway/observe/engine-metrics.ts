/** Engines as the journal tells of them: whether they are up, what they hold, what loads cost, and what caches spare them. */

import type { EngineId } from "../../model/cluster.ts";
import type { JournalEvent, ModelLoadEnd, ModelLoadStart } from "../../model/event.ts";
import type { ModelId } from "../../model/model.ts";
import { createCounters, createGauges, type Section } from "./series.ts";

/** What an engine is known to be at the start. */
export type EngineStart = { readonly id: EngineId; readonly resident: readonly ModelId[] };

/** A model on an engine: resident, being loaded since `sinceUs`, or neither. */
type Held = { resident: boolean; load?: ModelLoadStart | undefined };

/** Holds an entry for each pair of engine and model that was ever loaded. */
export function createEngineMetrics(
  engines: readonly EngineStart[],
): Section & { readonly see: (event: JournalEvent) => void } {
  const families = engineFamilies();
  const held = new Map<EngineId, Map<ModelId, Held>>();

  const hold = (engine: EngineId, model: ModelId, now: Held): void => {
    const models = held.get(engine) ?? new Map<ModelId, Held>();
    held.set(engine, models.set(model, now));
    families.resident.at(engine, model).value = now.resident ? 1 : 0;
    families.loading.at(engine, model).value = now.load === undefined ? 0 : 1;
  };
  const startLoad = (load: ModelLoadStart): void => {
    families.loads.at(load.engine, load.model, load.cause).value += 1;
    hold(load.engine, load.model, { resident: false, load });
  };
  const endLoad = ({ engine, model, atUs }: ModelLoadEnd): void => {
    const load = held.get(engine)?.get(model)?.load;
    hold(engine, model, { resident: true });
    // A model that the server held unasked cost nobody a wait.
    if (load !== undefined && load.cause !== "observed") families.loadTime.at(engine, model).value += atUs - load.atUs;
  };
  const lose = (engine: EngineId): void => {
    families.up.at(engine).value = 0;
    for (const model of held.get(engine)?.keys() ?? []) hold(engine, model, { resident: false });
  };
  const see = (event: JournalEvent): void => {
    switch (event.kind) {
      case "prefill-start":
        families.prompt.at(event.engine).value += event.promptTokens;
        families.spared.at(event.engine).value += event.cachedTokens;
        return;
      case "model-load-start":
        return startLoad(event);
      case "model-load-end":
        return endLoad(event);
      case "model-evict":
        families.evictions.at(event.engine, event.model, event.cause).value += 1;
        return hold(event.engine, event.model, { resident: false });
      case "engine-up":
        families.up.at(event.engine).value = 1;
        return;
      case "engine-drain":
        families.up.at(event.engine).value = 0;
        return;
      case "engine-down":
        return lose(event.engine);
      default:
        return;
    }
  };
  for (const { id, resident } of engines) {
    families.up.at(id).value = 1;
    for (const model of resident) hold(id, model, { resident: true });
  }
  return { see, families: Object.values(families) };
}

function engineFamilies() {
  const engine = ["engine"];
  const model = ["engine", "model"];
  const cause = ["engine", "model", "cause"];
  return {
    up: createGauges({ name: "fate_engine_up", help: "1 if the engine takes work.", labels: engine }),
    resident: createGauges({ name: "fate_model_resident", help: "1 if the engine holds the model.", labels: model }),
    loading: createGauges({ name: "fate_model_loading", help: "1 while the engine loads the model.", labels: model }),
    loads: createCounters({ name: "fate_model_loads_total", help: "Loads begun, by cause.", labels: cause }),
    loadTime: createCounters({
      name: "fate_model_load_seconds_total",
      help: "Time spent on loads that have ended.",
      labels: model,
      scale: 1e6,
    }),
    evictions: createCounters({
      name: "fate_model_evictions_total",
      help: "Models given up, by cause.",
      labels: cause,
    }),
    prompt: createCounters({
      name: "fate_prompt_tokens_total",
      help: "Prompt tokens of shares that began.",
      labels: engine,
    }),
    spared: createCounters({
      name: "fate_prompt_tokens_not_recomputed_total",
      help: "Of these, tokens that the prefix index found cached.",
      labels: engine,
    }),
  };
}
