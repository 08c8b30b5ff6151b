/** How long a stage holds an engine beyond its load and its inputs, as the plan sees it. */

import type { EngineCosts, ModelCosts } from "../../cost/cost-model.ts";
import { decodeStepsUs } from "../../cost/decode.ts";
import { shareDecodeUs, sharePrefillUs } from "../../cost/phase.ts";
import { shareWork, sideBySide, type ShareWork } from "../../cost/share-work.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState } from "../../state/engine-state.ts";
import { sortOf } from "../heft/mean-costs.ts";

export type Durations = {
  /** Prefill of what is not cached, then decode beside what decodes there now; Infinity where the model cannot be held. */
  readonly workUs: (stage: VisibleModelStage, engine: EngineState) => number;
  /** On a batched engine: the part of it that is prefill, and what each sequence more beside it adds. */
  readonly batchUs: (
    stage: VisibleModelStage,
    engine: EngineState,
  ) => { readonly prefillUs: number; readonly perBesideUs: number };
  /** What the stage adds to the ends of all that runs beside it: the price of a fuller batch. */
  readonly crowdUs: (stage: VisibleModelStage, engine: EngineState, nowUs: number) => number;
};

/** On engines of one sort a stage takes the same time as long as nothing of it is cached: that is worked out once. */
type Plain = { readonly work: ShareWork; readonly prefillUs: number; readonly decodeUs: number };

/** `prefix` from 0 to 1: how much of what is cached is seen. */
export function createDurations(engines: readonly EngineCosts[], prefix: number): Durations {
  const sorts = sortsOf(engines);
  const known = new Map<VisibleModelStage, (Plain | undefined)[]>();

  const plainOf = (stage: VisibleModelStage, engine: EngineCosts, held: ModelCosts, sort: number): Plain => {
    let bySort = known.get(stage);
    if (bySort === undefined) known.set(stage, (bySort = []));
    const found = bySort[sort];
    if (found !== undefined) return found;
    const sequences = sideBySide(stage, held, engine.engine.batching.maxSequences);
    const work = shareWork(stage, stage.items, sequences, stage.outputTokens);
    const prefillUs = sharePrefillUs(held.rates, work, stage.items, 0);
    const decodeUs = stage.kind === "embed" ? 0 : shareDecodeUs(held.rates, work);
    return (bySort[sort] = { work, prefillUs, decodeUs });
  };

  const workUs: Durations["workUs"] = (stage, state) => {
    const { index } = state.holding;
    const engine = engines[index];
    const held = engine?.models.get(stage.model);
    if (engine === undefined || held === undefined) return Infinity;
    const { work, prefillUs, decodeUs } = plainOf(stage, engine, held, sorts[index] ?? 0);
    const cached = Math.round(prefix * state.cachedTokens(stage));
    const prefilledUs = cached === 0 ? prefillUs : sharePrefillUs(held.rates, work, stage.items, cached);
    const beside = state.running.length;
    const decodedUs =
      engine.engine.batching.kind === "exclusive" || beside === 0 || stage.kind === "embed"
        ? decodeUs
        : besideUs(held, work, Math.min(beside, engine.engine.batching.maxSequences - 1), state.kvTokens);
    return Math.round((prefilledUs + decodedUs) * state.slowFactor);
  };

  const batchUs: Durations["batchUs"] = (stage, state) => {
    const { index } = state.holding;
    const engine = engines[index];
    const held = engine?.models.get(stage.model);
    if (engine === undefined || held === undefined) return { prefillUs: 0, perBesideUs: 0 };
    const { work, prefillUs, decodeUs } = plainOf(stage, engine, held, sorts[index] ?? 0);
    const cached = Math.round(prefix * state.cachedTokens(stage));
    const prefilledUs = cached === 0 ? prefillUs : sharePrefillUs(held.rates, work, stage.items, cached);
    const perBesideUs = stage.kind === "embed" ? 0 : besideUs(held, work, 1, work.contextTokens) - decodeUs;
    return { prefillUs: prefilledUs * state.slowFactor, perBesideUs: Math.max(0, perBesideUs) * state.slowFactor };
  };

  const crowdUs: Durations["crowdUs"] = (stage, state, nowUs) => {
    const engine = engines[state.holding.index];
    const held = engine?.models.get(stage.model);
    const beside = state.running.length;
    if (engine === undefined || held === undefined || beside === 0 || engine.engine.batching.kind === "exclusive")
      return 0;
    const { work, prefillUs } = plainOf(stage, engine, held, sorts[engine.index] ?? 0);
    const before = decodeStepsUs(held.rates, beside, state.kvTokens, 1);
    const after = besideUs(held, { ...work, decodeSteps: 1 }, beside, state.kvTokens);
    const slower = before === 0 ? 0 : after / before - 1;
    let totalUs = 0;
    // They wait for its prefill, and then share iterations with it for as long as both run.
    for (const { startUs, expectedUs } of state.running) {
      const leftUs = Math.max(0, startUs + expectedUs - nowUs);
      totalUs += Math.min(leftUs, prefillUs) + slower * Math.min(leftUs, work.decodeSteps * after);
    }
    return Math.round(totalUs);
  };
  return { workUs, batchUs, crowdUs };
}

function besideUs({ rates }: ModelCosts, work: ShareWork, beside: number, kvTokens: number): number {
  const contextTokens = work.sequences * work.contextTokens + kvTokens;
  return decodeStepsUs(rates, work.sequences + beside, contextTokens, work.decodeSteps);
}

const knownSorts = new WeakMap<readonly EngineCosts[], readonly number[]>();

/** Per engine a number that it shares with those on which every model takes the same time. */
function sortsOf(engines: readonly EngineCosts[]): readonly number[] {
  const found = knownSorts.get(engines);
  if (found !== undefined) return found;
  const numbers = new Map<string, number>();
  const sorts = engines.map((engine) => {
    const key = sortOf(engine);
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
  knownSorts.set(engines, sorts);
  return sorts;
}
