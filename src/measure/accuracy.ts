/** How far modelled durations are from observed ones, from the journal of a gateway: as configured, and as corrected by then. */

import { decodeUs } from "../cost/decode.ts";
import { correctCosts } from "../cost/correct.ts";
import { createCostModel, type CostModel } from "../cost/cost-model.ts";
import { prefillUs } from "../cost/prefill.ts";
import type { Journal } from "../journal/journal.ts";
import type { JournalEvent } from "../model/event.ts";
import type { EngineId } from "../model/cluster.ts";
import type { ModelId } from "../model/model.ts";

export type TermAccuracy = {
  readonly term: "load" | "prefill" | "decode";
  /** How many times too long or too short each duration of the second half of the run was expected to be; 1 is right. */
  readonly plain: readonly number[];
  readonly corrected: readonly number[];
};

type Sample = { readonly term: TermAccuracy["term"]; readonly plain: number; readonly corrected: number };

export function measureAccuracy({ header, events }: Journal): readonly TermAccuracy[] {
  const base = createCostModel(header.cluster, header.models, header.calibration);
  let current = base;
  const modelOf = new Map<string, ModelId>();
  const begun = new Map<string, JournalEvent>();
  const samples: Sample[] = [];
  const add = (term: Sample["term"], observedUs: number, modelled: (costs: CostModel) => number | undefined): void => {
    const [plain, corrected] = [modelled(base), modelled(current)];
    if (plain === undefined || corrected === undefined || !(observedUs > 0)) return;
    samples.push({ term, plain: off(plain, observedUs), corrected: off(corrected, observedUs) });
  };
  for (const event of events) {
    if (event.kind === "cost-correct")
      current = correctCosts(base, current, event.engine, event.model, {
        load: event.load,
        prefill: event.prefill,
        decode: event.decode,
      });
    else if (event.kind === "stage-reveal" && event.stage.kind !== "tool")
      modelOf.set(event.stage.key, event.stage.model);
    else if (event.kind === "model-load-start") begun.set(`load ${event.engine}`, event);
    else if (event.kind === "prefill-start" || event.kind === "decode-start")
      begun.set(`${event.kind} ${event.stage}`, event);
    else if (event.kind === "model-load-end") {
      const start = begun.get(`load ${event.engine}`);
      const { engine, model } = event;
      if (start !== undefined) add("load", event.atUs - start.atUs, (costs) => find(costs, engine, model)?.loadUs);
    } else if (event.kind === "prefill-end") {
      const start = begun.get(`prefill-start ${event.stage}`);
      const model = modelOf.get(event.stage) ?? "";
      if (start?.kind !== "prefill-start") continue;
      const fresh = Math.max(1, start.promptTokens - start.cachedTokens);
      add("prefill", event.atUs - start.atUs, (costs) => {
        const rates = find(costs, event.engine, model)?.rates;
        return rates && prefillUs(rates, fresh, start.promptTokens - fresh, 1);
      });
    } else if (event.kind === "decode-end") {
      const start = begun.get(`decode-start ${event.stage}`);
      const model = modelOf.get(event.stage) ?? "";
      if (start?.kind !== "decode-start") continue;
      add("decode", event.atUs - start.atUs, (costs) => {
        const rates = find(costs, event.engine, model)?.rates;
        return rates && decodeUs(rates, 1, start.contextTokens, event.outputTokens - 1);
      });
    }
  }
  return (["load", "prefill", "decode"] as const).map((term) => {
    const own = samples.filter((sample) => sample.term === term);
    const late = own.slice(Math.floor(own.length / 2));
    return { term, plain: late.map(({ plain }) => plain), corrected: late.map(({ corrected }) => corrected) };
  });
}

function find(costs: CostModel, engine: EngineId, model: ModelId) {
  return costs.engine(engine).models.get(model);
}

function off(modelledUs: number, observedUs: number): number {
  return Math.max(modelledUs / observedUs, observedUs / Math.max(1, modelledUs));
}
