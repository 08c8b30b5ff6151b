/**
 * An engine that runs its models side by side, shown as one engine for each of them: plans are of engines whose batch is of one model.
 * The first of these parts stands where the engine stood and has its name; the others stand behind all engines. What they go on sharing
 * are the engine's places.
 */

import type { CostModel, EngineCosts } from "../cost/cost-model.ts";
import { sequencesOf } from "../cost/share-work.ts";
import { mixesModels, type EngineId } from "../model/cluster.ts";
import type { Decision, Share } from "../model/decision.ts";
import type { ModelId } from "../model/model.ts";
import type { VisibleModelStage } from "../model/visible.ts";
import type { EngineState, QueuedShare } from "../state/engine-state.ts";
import { letGo } from "../state/shares.ts";
import { defer } from "./choose.ts";
import type { Plan, View } from "./policy.ts";

/** Engines, parts counted, that are planned so: at every event a plan looks at each of them. */
const mostEngines = 64;

/** Plans for the parts, and says of engines what it has decided of these. */
export function withModelsApart<Made extends Plan | undefined>(plan: (view: View) => Made): (view: View) => Made {
  return (view) => {
    const costs = comeApart(view.costs);
    if (costs === undefined) return plan(view);
    const made = plan({ ...view, costs, cluster: partsOf(view, costs) });
    return made && { ...made, decisions: ofWholes(view, costs, made.decisions) };
  };
}

const known = new WeakMap<CostModel, { readonly apart: CostModel | undefined }>();

/** Undefined where no engine has to, or some cannot. */
function comeApart(costs: CostModel): CostModel | undefined {
  let found = known.get(costs);
  if (found === undefined) known.set(costs, (found = { apart: layApart(costs) }));
  return found.apart;
}

function layApart(costs: CostModel): CostModel | undefined {
  const mixing = costs.engines.filter(({ engine }) => mixesModels(engine));
  const count = mixing.reduce((sum, { models }) => sum + Math.max(0, models.size - 1), costs.engines.length);
  if (mixing.length === 0 || count > mostEngines || !mixing.every(holdsAll)) return undefined;
  const engines = [...costs.engines];
  for (const whole of mixing)
    for (const [place, model] of [...whole.models.keys()].entries()) {
      const index = place === 0 ? whole.index : engines.length;
      engines[index] = toPart(whole, index, model, place === 0 ? whole.engine.id : `${whole.engine.id}, ${model}`);
    }
  const byId = new Map(engines.map((each) => [each.engine.id, each]));
  return {
    ...costs,
    cluster: { ...costs.cluster, engines: engines.map(({ engine }) => engine) },
    engines,
    engine: (id) => byId.get(id) ?? costs.engine(id),
  };
}

/** A part has its model for good: which of them makes way for another no part could say. */
function holdsAll({ engine, models }: EngineCosts): boolean {
  return models.size > 0 && [...models.keys()].every((model) => engine.resident.includes(model));
}

function toPart(whole: EngineCosts, index: number, model: ModelId, id: string): EngineCosts {
  const { mixesModels: _, ...batching } = { mixesModels: true, ...whole.engine.batching };
  const engine = { ...whole.engine, id, batching, models: [model], resident: [model], maxResident: 1 };
  const models = new Map([...whole.models].filter(([each]) => each === model));
  return { ...whole, engine, index, models, partOf: whole.engine.id };
}

function partsOf({ cluster }: View, { engines }: CostModel): View["cluster"] {
  const parts = engines.flatMap((costs) =>
    costs.partOf === undefined ? [] : [toState(cluster.engine(costs.partOf), costs)],
  );
  return cluster.with(parts);
}

/** What of the engine concerns this part of it. */
function toState(whole: EngineState, holding: EngineCosts): EngineState {
  const [model = ""] = holding.models.keys();
  const state = whole.clone(holding);
  state.residents = whole.residents.filter((each) => each.model === model);
  state.foreseen = whole.foreseen.filter((each) => each.model === model);
  letGo(state, ({ stage }) => stage.model !== model);
  return state;
}

/** The decisions with the names of whole engines. What has no place there among the calls of other models waits: elsewhere it might have one. */
function ofWholes(view: View, apart: CostModel, decisions: readonly Decision[]): readonly Decision[] {
  const nameOf = (id: EngineId): EngineId => apart.engine(id).partOf ?? id;
  const places = new Places(view);
  return decisions.map((decision) => {
    if ("engine" in decision) return { ...decision, engine: nameOf(decision.engine) };
    if (decision.kind === "defer") return decision;
    const decodes = decision.decodeEngine === undefined ? {} : { decodeEngine: nameOf(decision.decodeEngine) };
    if (decision.kind === "redirect") return { ...decision, ...decodes };
    const shares = decision.shares.map((share) => ({ ...share, engine: nameOf(share.engine) }));
    const { stage } = view.workflows.node(decision.stage);
    if (stage.kind === "tool" || places.take(stage, shares)) return { ...decision, shares, ...decodes };
    return defer(stage, "better-later");
  });
}

/** Places that are left on engines that run their models side by side. */
class Places {
  readonly #view: View;
  readonly #left = new Map<EngineId, number>();

  constructor(view: View) {
    this.#view = view;
  }

  /** False, and none is taken, if there are not as many. */
  take(stage: VisibleModelStage, shares: readonly Share[]): boolean {
    const wanted = shares.flatMap(({ engine, items }) => {
      const costs = this.#view.costs.engine(engine);
      return mixesModels(costs.engine) ? [{ engine, places: placesOf(costs, { stage, items }) }] : [];
    });
    if (!wanted.every(({ engine, places }) => places <= this.#leftOf(engine))) return false;
    for (const { engine, places } of wanted) this.#left.set(engine, this.#leftOf(engine) - places);
    return true;
  }

  #leftOf(id: EngineId): number {
    const found = this.#left.get(id);
    if (found !== undefined) return found;
    const costs = this.#view.costs.engine(id);
    const { running, queue } = this.#view.cluster.engine(id);
    let left = costs.engine.batching.maxSequences;
    for (const share of [...running, ...queue]) left -= placesOf(costs, share);
    this.#left.set(id, left);
    return left;
  }
}

function placesOf({ engine, models }: EngineCosts, share: Pick<QueuedShare, "stage" | "items">): number {
  return sequencesOf(share, models.get(share.stage.model), engine.batching.maxSequences);
}
