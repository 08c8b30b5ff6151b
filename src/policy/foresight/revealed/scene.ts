/** The fleet and the calls that wait or are likely to come, as flat arrays for forecasts. Models and engines are numbers. */

import { decodeStepsUs } from "../../../cost/decode.ts";
import { sharePrefillUs } from "../../../cost/phase.ts";
import { shareWork, sideBySide } from "../../../cost/share-work.ts";
import { inputTransferUs, isFeasible } from "../../../cost/candidate.ts";
import type { ModelId } from "../../../model/model.ts";
import type { VisibleModelStage } from "../../../model/visible.ts";
import type { EngineState } from "../../../state/engine-state.ts";
import { likenessOf } from "../../likeness.ts";
import type { View } from "../../policy.ts";
import { drawFuture } from "./expected.ts";
import type { History } from "./history.ts";
import type { RevealedSettings } from "./settings.ts";

export type Scene = {
  readonly nowUs: number;
  readonly engines: readonly EngineState[];
  readonly models: readonly ModelId[];
  /** Ready calls, the most urgent and then the longest ready first, as many as a scene takes. They are the first ones of every future. */
  readonly ready: readonly VisibleModelStage[];
  readonly fleet: Fleet;
  /** The ready calls alone: all that decides what begins at once. */
  readonly now: Calls;
  /** The same with calls that are likely to come. Drawn only where there is something to decide. */
  readonly futures: () => readonly Calls[];
};

export type Fleet = {
  /** By engine and model. */
  readonly loadUs: Float64Array;
  readonly bytes: Float64Array;
  readonly kvTokens: Float64Array;
  /** By engine. */
  readonly memoryBytes: Float64Array;
  readonly mostModels: Int32Array;
  readonly places: Int32Array;
  /** Its number, or of a part of an engine that of the first part: parts share their places. */
  readonly wholeOf: Int32Array;
  readonly open: Uint8Array;
  readonly loadEndUs: Float64Array;
  /** Models held now or about to be, least recently used first. */
  readonly held: readonly (readonly number[])[];
  /** What holds a place now. */
  readonly running: readonly (readonly Running[])[];
  /** By model: its fastest load, and how surely it is called again. */
  readonly reloadUs: Float64Array;
  readonly wanted: Float64Array;
  /** By model: it is held somewhere or was called before. */
  readonly known: Uint8Array;
};

export type Running = { readonly model: number; readonly endUs: number; readonly kvTokens: number };

export type Calls = {
  readonly count: number;
  readonly model: Int32Array;
  /** What has to end before, or -1. */
  readonly parent: Int32Array;
  /** When it is ready; with a parent, how long after that. */
  readonly readyUs: Float64Array;
  readonly kvTokens: Float64Array;
  /** By call and engine; an Infinity of prefill where it may not go. */
  readonly prefillUs: Float64Array;
  readonly decodeUs: Float64Array;
  readonly besideUs: Float64Array;
  /** Until its inputs are there, from when it begins. */
  readonly inputsUs: Float64Array;
};

const mostReady = 64;
/** Calls times engines: what a scene costs. */
const mostCells = 4096;

export function layScene(view: View, history: History, settings: RevealedSettings): Scene {
  const engines = [...view.cluster];
  const most = Math.max(1, Math.min(mostReady, Math.floor(mostCells / engines.length)));
  const ready = pickReady(view.ready, most, (stage) => engines.some((engine) => isFeasible(view, stage, engine)));
  const names = new Set<ModelId>(ready.map(({ model }) => model));
  for (const { residents, foreseen } of engines) for (const { model } of [...residents, ...foreseen]) names.add(model);
  for (const { models: held } of view.costs.engines) for (const model of held.keys()) names.add(model);
  const models = [...names];
  const numbers = new Map(models.map((name, index) => [name, index]));
  const lay = new Layer(view, engines, numbers, history);
  const futures = (): readonly Calls[] =>
    Array.from({ length: settings.scenarios }, (_, scenario) =>
      lay.calls(ready, drawFuture(view, history, scenario, settings.horizonUs)),
    );
  return {
    nowUs: view.nowUs,
    engines,
    models,
    ready,
    fleet: layFleet(view, engines, models, numbers, history, settings),
    now: lay.calls(ready, []),
    futures,
  };
}

/**
 * By priority. Of those alike as many as of any others, as far as so many wait, so that they do not hide others; nor do calls that no
 * engine may take hide those that have one.
 */
function pickReady(
  ready: readonly VisibleModelStage[],
  most: number,
  mayGo: (stage: VisibleModelStage) => boolean,
): readonly VisibleModelStage[] {
  const inTurn = ready.toSorted((left, right) => right.priority - left.priority);
  if (inTurn.length <= most) return inTurn;
  const alike = Map.groupBy(inTurn, likenessOf);
  const each = Math.max(1, Math.floor(most / alike.size));
  const first = [...alike.values()].flatMap((own) => [...own.values().filter(mayGo).take(each)]).slice(0, most);
  const picked = new Set(first);
  for (const stage of inTurn) {
    if (picked.size >= most) break;
    if (!picked.has(stage) && mayGo(stage)) picked.add(stage);
  }
  return inTurn.filter((stage) => picked.has(stage));
}

function layFleet(
  view: View,
  engines: readonly EngineState[],
  models: readonly ModelId[],
  numbers: ReadonlyMap<ModelId, number>,
  history: History,
  settings: RevealedSettings,
): Fleet {
  const cells = engines.length * models.length;
  const loadUs = new Float64Array(cells).fill(Infinity);
  const bytes = new Float64Array(cells);
  const kvTokens = new Float64Array(cells);
  const reloadUs = new Float64Array(models.length).fill(Infinity);
  for (const [index, { holding, slowFactor }] of engines.entries())
    for (const [model, name] of models.entries()) {
      const held = view.costs.engines[holding.index]?.models.get(name);
      if (held === undefined) continue;
      const cell = index * models.length + model;
      loadUs[cell] = held.loadUs * slowFactor;
      bytes[cell] = held.footprintBytes;
      kvTokens[cell] = held.kvCapacityTokens;
      reloadUs[model] = Math.min(reloadUs[model] ?? Infinity, held.loadUs);
    }
  return {
    loadUs,
    bytes,
    kvTokens,
    reloadUs: reloadUs.map((us) => (us === Infinity ? 0 : us)),
    wanted: layWanted(models, history, settings.unknown),
    known: Uint8Array.from(models, (name) =>
      history.calls[name] !== undefined || engines.some(({ foreseen }) => foreseen.some(({ model }) => model === name))
        ? 1
        : 0,
    ),
    memoryBytes: Float64Array.from(engines, ({ holding }) => holding.memoryBytes),
    mostModels: Int32Array.from(engines, ({ holding }) => holding.engine.maxResident),
    places: Int32Array.from(engines, ({ holding: { engine } }) =>
      engine.batching.kind === "exclusive" ? 1 : engine.batching.maxSequences,
    ),
    wholeOf: Int32Array.from(engines, ({ holding: { index, partOf } }) =>
      partOf === undefined ? index : view.cluster.indexOf(partOf),
    ),
    open: Uint8Array.from(engines, ({ open, role }) => (open && role !== "decode" ? 1 : 0)),
    loadEndUs: Float64Array.from(engines, ({ loadEndUs }) =>
      loadEndUs === 0 ? 0 : Math.max(view.nowUs + 1, loadEndUs),
    ),
    held: engines.map(({ foreseen }) => foreseen.map(({ model }) => numbers.get(model) ?? 0)),
    running: engines.map((engine) => runningOn(view, engine, numbers)),
  };
}

/** By model, how surely it is called again, from 0 to 1. What nobody has called yet counts as so many parts of the mean of the others. */
export function layWanted(models: readonly ModelId[], { calls }: History, unknown: number): Float64Array {
  const counts = models.map((name) => calls[name] ?? 0);
  const called = counts.filter((count) => count > 0);
  const mean = called.length === 0 ? 1 : called.reduce((sum, count) => sum + count, 0) / called.length;
  return Float64Array.from(counts, (count) => {
    const share = count > 0 ? count / mean : unknown;
    return 1 - Math.exp(-share);
  });
}

function runningOn(view: View, engine: EngineState, numbers: ReadonlyMap<ModelId, number>): readonly Running[] {
  const { nowUs } = view;
  const running = engine.running.map(({ stage, startUs, expectedUs, kvTokens }) => ({
    model: numbers.get(stage.model) ?? 0,
    endUs: later(nowUs, startUs + expectedUs),
    kvTokens,
  }));
  const fromUs = Math.max(nowUs, engine.loadEndUs);
  const queued = engine.queue.map(({ stage, expectedUs }) => ({
    model: numbers.get(stage.model) ?? 0,
    endUs: fromUs + expectedUs,
    kvTokens: stage.promptTokens + stage.outputTokens,
  }));
  return [...running, ...queued];
}

/** What is overdue is expected to take as long again as it is overdue. */
function later(nowUs: number, endUs: number): number {
  return endUs > nowUs ? endUs : nowUs + Math.max(1, nowUs - endUs);
}

/** What takes less than this to be there does not count: engines that are alike but for it stay in their order. */
const leastInputsUs = 10_000;

type Work = {
  readonly prefillUs: number;
  readonly decodeUs: number;
  readonly besideUs: number;
  readonly inputsUs: number;
};

class Layer {
  readonly #view: View;
  readonly #engines: readonly EngineState[];
  readonly #numbers: ReadonlyMap<ModelId, number>;
  readonly #history: History;
  readonly #endsUs = new Map<string, number>();
  readonly #usual = new Map<string, Work | undefined>();
  #ready: readonly (readonly (Work | undefined)[])[] | undefined;

  constructor(view: View, engines: readonly EngineState[], numbers: ReadonlyMap<ModelId, number>, history: History) {
    this.#view = view;
    this.#engines = engines;
    this.#numbers = numbers;
    this.#history = history;
    for (const engine of engines) {
      for (const { stage, startUs, expectedUs } of engine.running)
        this.#endsUs.set(stage.key, later(view.nowUs, startUs + expectedUs));
      for (const { stage, expectedUs } of engine.queue)
        this.#endsUs.set(stage.key, Math.max(view.nowUs, engine.loadEndUs) + expectedUs);
    }
  }

  calls(ready: readonly VisibleModelStage[], expected: ReturnType<typeof drawFuture>): Calls {
    const { nowUs, workflows } = this.#view;
    const count = ready.length + expected.length;
    const cells = count * this.#engines.length;
    const calls = {
      count,
      model: new Int32Array(count),
      parent: new Int32Array(count).fill(-1),
      readyUs: new Float64Array(count),
      kvTokens: new Float64Array(count),
      prefillUs: new Float64Array(cells).fill(Infinity),
      decodeUs: new Float64Array(cells),
      besideUs: new Float64Array(cells),
      inputsUs: new Float64Array(cells),
    };
    const put = (call: number, engine: number, work: Work | undefined): void => {
      if (work === undefined) return;
      const cell = call * this.#engines.length + engine;
      calls.prefillUs[cell] = work.prefillUs;
      calls.decodeUs[cell] = work.decodeUs;
      calls.besideUs[cell] = work.besideUs;
      calls.inputsUs[cell] = work.inputsUs;
    };
    this.#ready ??= ready.map((stage) => this.#engines.map((engine) => this.#workOf(stage, engine)));
    const positions = new Map<string, number>();
    for (const [call, stage] of ready.entries()) {
      positions.set(stage.key, call);
      calls.model[call] = this.#numbers.get(stage.model) ?? 0;
      calls.readyUs[call] = workflows.node(stage.key).readyUs;
      calls.kvTokens[call] = stage.promptTokens + stage.outputTokens;
      for (const [engine, work] of (this.#ready[call] ?? []).entries()) put(call, engine, work);
    }
    for (const [index, { model, parent, gapUs }] of expected.entries()) {
      const call = ready.length + index;
      const size = this.#history.sizes[model];
      calls.model[call] = this.#numbers.get(model) ?? 0;
      calls.kvTokens[call] = (size?.promptTokens ?? 0) + (size?.outputTokens ?? 0);
      calls.readyUs[call] = nowUs + gapUs;
      if (parent !== undefined && "position" in parent) {
        calls.parent[call] = ready.length + parent.position;
        calls.readyUs[call] = gapUs;
      } else if (parent !== undefined) {
        const position = positions.get(parent.key);
        if (position !== undefined) {
          calls.parent[call] = position;
          calls.readyUs[call] = gapUs;
        } else calls.readyUs[call] = (this.#endsUs.get(parent.key) ?? nowUs) + gapUs;
      }
      for (const [engine, state] of this.#engines.entries()) put(call, engine, this.#usualWork(model, state));
    }
    return calls;
  }

  #usualWork(model: ModelId, engine: EngineState): Work | undefined {
    const key = `${engine.holding.index} ${model}`;
    if (this.#usual.has(key)) return this.#usual.get(key);
    const size = this.#history.sizes[model];
    const promptTokens = Math.ceil(size?.promptTokens ?? 1000);
    const outputTokens = Math.ceil(size?.outputTokens ?? 200);
    const base = { key: "", workflow: "", id: "", ordinal: 0, parents: [], priority: 0, chain: [], sharedLinks: 0 };
    const stage: VisibleModelStage = {
      ...base,
      kind: outputTokens === 0 ? "embed" : "llm",
      model,
      promptTokens,
      outputTokens,
      limitTokens: outputTokens,
      items: 1,
    };
    const work = engine.open ? this.#work(stage, engine) : undefined;
    this.#usual.set(key, work);
    return work;
  }

  #workOf(stage: VisibleModelStage, engine: EngineState): Work | undefined {
    return isFeasible(this.#view, stage, engine) ? this.#work(stage, engine) : undefined;
  }

  #work(stage: VisibleModelStage, engine: EngineState): Work | undefined {
    const held = this.#view.costs.engines[engine.holding.index]?.models.get(stage.model);
    if (held === undefined) return undefined;
    const { batching } = engine.holding.engine;
    const work = shareWork(stage, stage.items, sideBySide(stage, held, batching.maxSequences), stage.outputTokens);
    const slow = engine.slowFactor;
    const prefillUs = slow * sharePrefillUs(held.rates, work, stage.items, engine.cachedTokens(stage));
    const transferUs = inputTransferUs(this.#view, stage, engine);
    const inputsUs = transferUs < leastInputsUs ? 0 : transferUs;
    if (stage.kind === "embed") return { prefillUs, decodeUs: 0, besideUs: 0, inputsUs };
    const { sequences, contextTokens, decodeSteps } = work;
    const decodeUs = slow * decodeStepsUs(held.rates, sequences, sequences * contextTokens, decodeSteps);
    const fullerUs = slow * decodeStepsUs(held.rates, sequences + 1, (sequences + 1) * contextTokens, decodeSteps);
    return { prefillUs, decodeUs, besideUs: fullerUs - decodeUs, inputsUs };
  }
}
