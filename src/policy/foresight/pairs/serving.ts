/**
 * Which model each engine serves, where engines that prefill and decode apart could serve several of those that are called. One at a
 * time: before an engine turns to another model its batch has to drain, and often that model has to be loaded. So calls go only where
 * their model is served and has room. Where it has none, it gets engines that are idle, or takes such as serve another model, once its
 * calls have waited for long enough together to be worth that.
 */

import { isFeasible } from "../../../cost/candidate.ts";
import { mixesModels, type EngineId } from "../../../model/cluster.ts";
import type { Prefetch } from "../../../model/decision.ts";
import type { ModelId } from "../../../model/model.ts";
import type { VisibleModelStage } from "../../../model/visible.ts";
import type { StageKey } from "../../../model/workflow.ts";
import type { EngineState } from "../../../state/engine-state.ts";
import { filledKvTokens } from "../../agents/engine-book.ts";
import { inOrder } from "../../agents/orders.ts";
import { mostHeld } from "../../agents/placements.ts";
import type { Tenure } from "../../agents/serving.ts";
import type { HexagentSettings } from "../../agents/settings.ts";
import { canDecode, pickLeast } from "../../choose.ts";
import { missingLoadUs } from "../../picture.ts";
import type { View } from "../../policy.ts";
import { Copies } from "./copies.ts";
import { isShared } from "./shared.ts";
import { followTenures } from "./tenures.ts";

export type ServingSettings = {
  /**
   * The calls that want an engine must have waited together so many times what that costs those that it has and that wait for its model;
   * and those that want the last copy of another model to go, each on the average so many times what turning there and back takes.
   */
  readonly patience: number;
  /** While calls wait for what an engine has it keeps that so many times as long as to turn away and back would take. */
  readonly stay: number;
  /** An engine is given calls for so many times its places and its KV memory, so that there is always somebody to join. */
  readonly ahead: number;
};

/** Undefined where no engine could serve two of the models that are called now, or held. */
export function createServing(settings: ServingSettings): NonNullable<HexagentSettings["serving"]> {
  return (view, order, before) => {
    if (!isShared(view)) return undefined;
    const calls = inOrder(view, order, mostHeld).map(({ stage }) => stage);
    const tenures = followTenures(before ?? [], view);
    const table = new Table(view, calls, tenures, settings);
    table.serve();
    return {
      tenures,
      calls: calls.filter((stage) => table.isServed(stage)),
      mayTake: (engine, stage) => table.mayTake(engine, stage),
      mayDecode: (engine, stage) => table.mayDecode(engine, stage),
      modelOf: (engine) => table.modelOf(engine),
      take: (stage, engines) => table.take(stage, engines),
      loads: table.loads(),
    };
  };
}

/** Engines that could take a call's prompt in, and such as could decode it. */
type Able = { readonly intake: readonly EngineState[]; readonly decode: readonly EngineState[] };

/** Calls of a model that wait, and how long they have together. */
type Waits = { readonly calls: number; readonly us: number };

type EnginesByModel = ReadonlyMap<ModelId | undefined, readonly EngineState[]>;

type Pick = { readonly engine: EngineState; readonly costUs: number };

/** What runs on an exclusive engine, one that waits for it, and one on the way. */
const exclusivePlaces = 3;

class Table {
  readonly #view: View;
  readonly #calls: readonly VisibleModelStage[];
  readonly #settings: ServingSettings;
  readonly #copies: Copies;
  readonly #tenures: ReadonlyMap<EngineId, Tenure>;
  readonly #able = new Map<StageKey, Able>();
  /** Whether what an engine has its tenure with is called for there, as it was when that was asked first. */
  readonly #calledFor = new Map<EngineId, boolean>();
  readonly #waits = new Map<ModelId, Waits>();
  /** By engine; of those that are left out anybody may take one. */
  readonly #models = new Map<EngineId, ModelId>();
  /** By engine, what runs, waits, and is on the way. */
  readonly #given = new Map<EngineId, VisibleModelStage[]>();
  /** Engines that have not begun with their model, and are not taken away before. */
  readonly #promised = new Set<EngineId>();

  constructor(view: View, calls: readonly VisibleModelStage[], tenures: readonly Tenure[], settings: ServingSettings) {
    this.#view = view;
    this.#calls = calls;
    this.#tenures = new Map(tenures.map((tenure) => [tenure.engine, tenure]));
    this.#settings = settings;
    this.#copies = new Copies(view.cluster, (engine) => this.modelOf(engine));
    for (const { key, model } of calls) this.#noteWait(model, view.workflows.node(key).readyUs);
    for (const engine of view.cluster) this.#note(engine);
    this.#noteComing();
  }

  modelOf({ id }: EngineState): ModelId | undefined {
    return this.#models.get(id);
  }

  isServed(stage: VisibleModelStage): boolean {
    const { intake, decode } = this.#ableTo(stage);
    return (
      intake.some((engine) => this.mayTake(engine, stage)) && decode.some((engine) => this.mayDecode(engine, stage))
    );
  }

  /**
   * Nobody's engine takes any call, but gives up the last copy of another model for one that others serve only when calls of that have
   * waited too long for them: else it would stay idle beside ever more of those.
   */
  mayTake(engine: EngineState, stage: VisibleModelStage): boolean {
    if (mixesModels(engine.holding.engine)) return true;
    const served = this.modelOf(engine);
    if (served !== undefined) return served === stage.model;
    return !this.#copies.wouldLoseLast(engine, stage.model) || this.#waitedLong(engine, stage);
  }

  mayDecode(engine: EngineState, stage: VisibleModelStage): boolean {
    return this.mayTake(engine, stage) && this.#hasRoom(engine, stage);
  }

  take(stage: VisibleModelStage, engines: readonly EngineState[]): void {
    for (const { id } of engines) {
      if (!this.#models.has(id)) this.#models.set(id, stage.model);
      this.#givenTo(id).push(stage);
    }
  }

  /** The most urgent call first. For both phases, or not at all: an engine that waits for the other phase would serve nobody. */
  serve(): void {
    for (const stage of this.#calls) {
      const { intake, decode } = this.#ableTo(stage);
      const lacking = [intake, decode].filter((able) => !able.some((engine) => this.#serves(engine, stage)));
      const picks = lacking.flatMap((able) => this.#pick(stage, able) ?? []);
      if (picks.length < lacking.length) continue;
      const costUs = picks.reduce((sum, pick) => sum + pick.costUs, 0);
      if (this.#waitsOf(stage.model).us < this.#settings.patience * costUs) continue;
      for (const { engine } of picks) this.#promise(engine, stage.model);
    }
  }

  /** Decode engines load while prompts are taken in for them elsewhere. */
  loads(): readonly Prefetch[] {
    return [...this.#view.cluster].flatMap((engine): Prefetch[] => {
      const model = this.#models.get(engine.id);
      if (model === undefined || engine.role !== "decode" || !engine.open || !engine.idle) return [];
      return engine.isResident(model) ? [] : [{ kind: "prefetch", engine: engine.id, model }];
    });
  }

  /** It serves what it has last, or loads. */
  #note(engine: EngineState): void {
    const { id, running, queue, residents } = engine;
    this.#givenTo(id).push(...[...running, ...queue].map(({ stage }) => stage));
    for (const { stage, sinceUs } of queue) this.#noteWait(stage.model, sinceUs);
    const next = queue.at(-1)?.stage.model ?? residents.find(({ loading }) => loading)?.model;
    if (next !== undefined) this.#promise(engine, next);
    else if (running[0] !== undefined) this.#models.set(id, running[0].stage.model);
  }

  /** What prefill engines will hand over comes behind all that decode engines have; what was placed last, last. */
  #noteComing(): void {
    const { cluster } = this.#view;
    const coming = [...cluster].flatMap(({ running, queue }) =>
      [...running, ...queue].flatMap(({ decodeEngine: to, stage, sequence }) =>
        to === undefined ? [] : [{ to, stage, sequence }],
      ),
    );
    for (const { to, stage } of coming.sort((left, right) => left.sequence - right.sequence)) {
      this.#givenTo(to).push(stage);
      this.#promise(cluster.engine(to), stage.model);
    }
  }

  #noteWait(model: ModelId, sinceUs: number): void {
    const { calls, us } = this.#waitsOf(model);
    this.#waits.set(model, { calls: calls + 1, us: us + this.#view.nowUs - sinceUs });
  }

  #waitsOf(model: ModelId | undefined): Waits {
    return this.#waits.get(model ?? "") ?? { calls: 0, us: 0 };
  }

  #givenTo(id: EngineId): VisibleModelStage[] {
    let given = this.#given.get(id);
    if (given === undefined) this.#given.set(id, (given = []));
    return given;
  }

  #promise({ id, running }: EngineState, model: ModelId): void {
    this.#models.set(id, model);
    if (running[0]?.stage.model !== model) this.#promised.add(id);
  }

  #ableTo(stage: VisibleModelStage): Able {
    let able = this.#able.get(stage.key);
    if (able === undefined) {
      const engines = [...this.#view.cluster];
      const intake = engines.filter((engine) => isFeasible(this.#view, stage, engine));
      const decode = stage.kind === "embed" ? intake : engines.filter((engine) => canDecode(stage, engine));
      this.#able.set(stage.key, (able = { intake, decode }));
    }
    return able;
  }

  #serves(engine: EngineState, stage: VisibleModelStage): boolean {
    if (mixesModels(engine.holding.engine)) return true;
    return this.#models.get(engine.id) === stage.model && this.#hasRoom(engine, stage);
  }

  /** Beside what it has of that model. */
  #hasRoom({ id, holding }: EngineState, stage: VisibleModelStage): boolean {
    const { batching } = holding.engine;
    const beside = this.#givenTo(id).filter(({ model }) => model === stage.model);
    if (batching.kind === "exclusive") return beside.length < exclusivePlaces;
    const tokens = beside.reduce((sum, other) => sum + filledKvTokens(other), filledKvTokens(stage));
    const capacity = holding.models.get(stage.model)?.kvCapacityTokens ?? 0;
    return (
      beside.length === 0 || Math.max(beside.length / batching.maxSequences, tokens / capacity) < this.#settings.ahead
    );
  }

  /** An engine that is nobody's, where the load is least; else the one that costs those whom it serves the least. */
  #pick(stage: VisibleModelStage, all: readonly EngineState[]): Pick | undefined {
    const able = all.filter((engine) => !this.#stays(engine, stage));
    const loadUs = (engine: EngineState): number => missingLoadUs(this.#view, stage, engine);
    const free = pickLeast(
      able.filter(({ id }) => !this.#models.has(id)),
      loadUs,
    );
    if (free !== undefined) return { engine: free, costUs: 0 };
    // What waits in its queue counts twice: it is given to the engine, and waits for the model, which other engines may serve too.
    const costUs = (engine: EngineState): number =>
      (this.#drainUs(engine) + loadUs(engine)) *
      (this.#givenTo(engine.id).length + this.#waitsOf(this.modelOf(engine)).calls);
    const engines = Map.groupBy(able, (engine) => this.modelOf(engine));
    const taken = pickLeast(
      able.filter((engine) => this.#mayLose(engine, stage, engines)),
      costUs,
    );
    return taken === undefined ? undefined : { engine: taken, costUs: costUs(taken) };
  }

  /** Each of them on the average much longer than to turn there and back would take. */
  #waitedLong(engine: EngineState, stage: VisibleModelStage): boolean {
    const { calls, us } = this.#waitsOf(stage.model);
    return calls > 0 && us >= this.#settings.patience * calls * this.#thereAndBackUs(engine, stage);
  }

  /** It has not been long with a model that no other has, and that is called for: to turn away and back would take longer. */
  #stays(engine: EngineState, stage: VisibleModelStage): boolean {
    const tenure = this.#tenures.get(engine.id);
    if (tenure === undefined || tenure.model === stage.model) return false;
    if (missingLoadUs(this.#view, stage, engine) === 0) return false;
    if (this.#view.nowUs - tenure.sinceUs >= this.#settings.stay * this.#thereAndBackUs(engine, stage)) return false;
    return this.#copies.isLast(engine, tenure.model) && this.#isCalledFor(engine, tenure.model);
  }

  /** To what the stage calls, and back to what the engine has used last. */
  #thereAndBackUs(engine: EngineState, stage: VisibleModelStage): number {
    const used = this.#tenures.get(engine.id)?.model ?? "";
    const backUs = this.#view.costs.engines[engine.holding.index]?.models.get(used)?.loadUs ?? 0;
    return missingLoadUs(this.#view, stage, engine) + backUs;
  }

  /** Whether a call of the model could go there now: for one that could not, an engine would stay idle. */
  #isCalledFor(engine: EngineState, model: ModelId): boolean {
    let isCalledFor = this.#calledFor.get(engine.id);
    if (isCalledFor === undefined) {
      isCalledFor = this.#calls.some((stage) => {
        if (stage.model !== model) return false;
        const { intake, decode } = this.#ableTo(stage);
        return (
          (intake.includes(engine) && decode.some((other) => this.mayDecode(other, stage))) ||
          (decode.includes(engine) && intake.some((other) => this.mayTake(other, stage)))
        );
      });
      this.#calledFor.set(engine.id, isCalledFor);
    }
    return isCalledFor;
  }

  /** A model that is served already gets one engine more only if its calls wait longer, even then, than those of the one that loses it. */
  #mayLose(engine: EngineState, { model }: VisibleModelStage, engines: EnginesByModel): boolean {
    if (this.#promised.has(engine.id)) return false;
    const own = engines.get(model)?.length ?? 0;
    if (own === 0) return true;
    const loser = this.modelOf(engine);
    const left = (engines.get(loser)?.length ?? 0) - 1;
    return left > 0 && this.#waitsOf(model).us / (own + 1) > this.#waitsOf(loser).us / left;
  }

  /** Until its batch is over, and one more of those that wait in its queue. */
  #drainUs({ running, queue }: EngineState): number {
    const { nowUs } = this.#view;
    const runningUs = running.reduce((us, { startUs, expectedUs }) => Math.max(us, startUs + expectedUs - nowUs), 0);
    return runningUs + queue.reduce((us, { expectedUs }) => Math.max(us, expectedUs), 0);
  }
}
