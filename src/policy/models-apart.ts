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
import { modelsInSight } from "./models-in-sight.ts";
import type { Plan, View } from "./policy.ts";

/** Parts beside the first ones of their engines: at every event a plan looks at each of them. */
const mostParts = 64;

/** What a plan remembers beside what is its own, where engines have more models than can come apart: those that were called, as they came. */
type Called = { readonly called?: readonly ModelId[] };

/** Plans for the parts, and says of engines what it has decided of these. What the plan remembers is an object, or nothing. */
export function withModelsApart<Made extends Plan | undefined>(plan: (view: View) => Made): (view: View) => Made {
  return (view) => {
    const found = comeApart(view);
    if (found === undefined) return plan(view);
    const { costs, called } = found;
    const made = plan({ ...view, costs, cluster: partsOf(view, costs) });
    if (made === undefined) return made;
    const memory = called === undefined ? made.memory : { ...(made.memory as object | undefined), called };
    return { ...made, memory, decisions: ofWholes(view, costs, made.decisions) };
  };
}

/** Undefined where no engine has to come apart, or one cannot. If there are too many models for it, only those that have been called are parts. */
function comeApart(view: View): ({ readonly costs: CostModel } & Called) | undefined {
  const laid = laidFor(view.costs);
  if (laid.models.length === 0) return undefined;
  if (laid.all !== undefined) return { costs: laid.all };
  const inSight = modelsInSight(view);
  const asked = [...inSight].filter((model) => laid.has(model));
  const before = ((view.memory as Called | undefined)?.called ?? []).filter((model) => laid.has(model));
  // Where these have become too many, the ones that nobody asks for now are forgotten.
  for (const called of [[...new Set([...before, ...asked])], asked]) {
    const costs = laid.with(called);
    if (costs !== undefined) return { costs, called };
  }
  return undefined;
}

/** The parts of one fleet. */
class Laid {
  readonly #whole: CostModel;
  readonly #mixing: readonly EngineCosts[];
  /** All that come apart: none if an engine of several cannot. */
  readonly models: readonly ModelId[];
  /** With a part for each of them; undefined if they are too many. */
  readonly all: CostModel | undefined;
  /** What was asked for last. */
  #last: { readonly models: string; readonly costs: CostModel } | undefined;

  constructor(whole: CostModel) {
    this.#whole = whole;
    this.#mixing = whole.engines.filter(({ engine }) => mixesModels(engine));
    const models = this.#mixing.flatMap((each) => [...each.models.keys()]);
    this.models = this.#mixing.every(holdsAll) ? [...new Set(models)] : [];
    this.all = this.with(this.models);
  }

  has(model: ModelId): boolean {
    return this.#mixing.some(({ models }) => models.has(model));
  }

  /** With a part for each of these models, and for the first one of each engine, which keeps its number; undefined if those are too many. */
  with(models: readonly ModelId[]): CostModel | undefined {
    const key = models.join("\n");
    if (this.#last?.models === key) return this.#last.costs;
    const behind = models.flatMap((model) =>
      this.#mixing.filter((each) => each.models.has(model) && model !== firstOf(each)).map((each) => ({ each, model })),
    );
    if (behind.length > mostParts) return undefined;
    const engines = [...this.#whole.engines];
    for (const each of this.#mixing) engines[each.index] = toPart(each, each.index, firstOf(each), each.engine.id);
    for (const { each, model } of behind)
      engines.push(toPart(each, engines.length, model, `${each.engine.id}, ${model}`));
    const byId = new Map(engines.map((each) => [each.engine.id, each]));
    const costs = {
      ...this.#whole,
      cluster: { ...this.#whole.cluster, engines: engines.map(({ engine }) => engine) },
      engines,
      engine: (id: EngineId) => byId.get(id) ?? this.#whole.engine(id),
    };
    this.#last = { models: key, costs };
    return costs;
  }
}

const known = new WeakMap<CostModel, Laid>();

function laidFor(costs: CostModel): Laid {
  let laid = known.get(costs);
  if (laid === undefined) known.set(costs, (laid = new Laid(costs)));
  return laid;
}

function firstOf({ models }: EngineCosts): ModelId {
  const [first = ""] = models.keys();
  return first;
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
