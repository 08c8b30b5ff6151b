/** The fleet as flat arrays for forecasts, as it is now: what its engines can hold, hold and run. Models and engines are numbers. */

import { sequencesOf } from "../../../cost/share-work.ts";
import type { ModelId } from "../../../model/model.ts";
import type { VisibleModelStage } from "../../../model/visible.ts";
import type { EngineState } from "../../../state/engine-state.ts";
import { expectedKvTokens } from "../../picture.ts";
import type { View } from "../../policy.ts";
import type { History } from "./history.ts";
import type { RevealedSettings } from "./settings.ts";

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

export type Running = {
  readonly model: number;
  readonly endUs: number;
  readonly places: number;
  readonly kvTokens: number;
};

export function layFleet(
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
  const running = engine.running.map((share) => ({
    model: numbers.get(share.stage.model) ?? 0,
    endUs: later(nowUs, share.startUs + share.expectedUs),
    places: placesOf(share, engine),
    kvTokens: share.kvTokens,
  }));
  const fromUs = Math.max(nowUs, engine.loadEndUs);
  const queued = engine.queue.map((share) => ({
    model: numbers.get(share.stage.model) ?? 0,
    endUs: fromUs + share.expectedUs,
    places: placesOf(share, engine),
    kvTokens: expectedKvTokens(share.stage, engine, share.items),
  }));
  return [...running, ...queued];
}

/** A place for each sequence. */
function placesOf(
  share: { readonly stage: VisibleModelStage; readonly items: number },
  { holding }: EngineState,
): number {
  return sequencesOf(share, holding.models.get(share.stage.model), holding.engine.batching.maxSequences);
}

/** What is overdue is expected to take as long again as it is overdue. */
export function later(nowUs: number, endUs: number): number {
  return endUs > nowUs ? endUs : nowUs + Math.max(1, nowUs - endUs);
}
