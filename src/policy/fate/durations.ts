/** How long stages hold engines beyond their loads and inputs, as the plan sees it. */

import type { EngineCosts, ModelCosts } from "../../cost/cost-model.ts";
import { decodeStepsUs } from "../../cost/decode.ts";
import { shareDecodeUs, sharePrefillUs } from "../../cost/phase.ts";
import { shareWork, sideBySide, type ShareWork } from "../../cost/share-work.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState, RunningShare } from "../../state/engine-state.ts";
import { sortOf } from "../heft/mean-costs.ts";

export type Duration = {
  readonly prefillUs: number;
  /** Beside what decodes in its batch now. */
  readonly decodeUs: number;
  /** What the stage adds, on average, to the ends of those that run beside it now: the price of a fuller batch. */
  readonly crowdUs: number;
  /** What each sequence more in the batch adds to its decoding. */
  readonly perBesideUs: number;
  /** Tokens of its prompt that are cached now, and what each further shared one would save. */
  readonly cachedTokens: number;
  readonly perTokenUs: number;
};

/** On an engine of a sort, with nothing cached and nothing beside it. */
type Plain = Duration & { readonly held: ModelCosts; readonly work: ShareWork };

export class Durations {
  readonly #engines: readonly EngineCosts[];
  readonly #sorts: readonly number[];
  readonly #prefix: number;
  readonly #nowUs: number;

  /** `prefix` from 0 to 1: how much of what is cached is seen. */
  constructor(engines: readonly EngineCosts[], prefix: number, nowUs: number) {
    this.#engines = engines;
    this.#sorts = sortsOf(engines);
    this.#prefix = prefix;
    this.#nowUs = nowUs;
  }

  /** Of one stage, on one engine after another; undefined where the engine cannot hold it. Engines of a sort are worked out once. */
  of(stage: VisibleModelStage): (engine: EngineState) => Duration | undefined {
    const known: (Plain | undefined)[] = [];
    return (engine) => {
      const { index } = engine.holding;
      const sort = this.#sorts[index] ?? 0;
      if (!(sort in known)) known[sort] = toPlain(stage, this.#engines[index], this.#prefix);
      const plain = known[sort];
      if (plain === undefined) return undefined;
      const cachedTokens = this.#prefix === 0 ? 0 : Math.round(this.#prefix * engine.cachedTokens(stage));
      const besides = engine.holding.engine.batching.kind === "batched" && engine.batchOf(stage.model).length > 0;
      if (cachedTokens === 0 && !besides && engine.slowFactor === 1) return plain;
      return this.#conditional(stage, engine, plain, cachedTokens);
    };
  }

  #conditional(stage: VisibleModelStage, engine: EngineState, plain: Plain, cachedTokens: number): Duration {
    const { held, work, perTokenUs, perBesideUs } = plain;
    const slow = engine.slowFactor;
    const prefillUs =
      cachedTokens === 0 ? plain.prefillUs : sharePrefillUs(held.rates, work, stage.items, cachedTokens);
    const { batching } = engine.holding.engine;
    const running = batching.kind === "exclusive" ? [] : engine.batchOf(stage.model);
    const beside = Math.min(running.length, batching.maxSequences - 1);
    const kvTokens = engine.kvTokensOf(stage.model);
    const decodeUs = beside === 0 || stage.kind === "embed" ? plain.decodeUs : besideUs(held, work, beside, kvTokens);
    return {
      prefillUs: Math.round(prefillUs * slow),
      decodeUs: Math.round(decodeUs * slow),
      crowdUs: beside === 0 ? 0 : Math.round(this.#crowdUs(running, kvTokens, plain) * slow),
      perBesideUs: perBesideUs * slow,
      cachedTokens,
      perTokenUs: cachedTokens >= work.sharedTokens ? 0 : perTokenUs * slow,
    };
  }

  /** Those beside it wait for its prefill, and then share iterations with it for as long as both run. */
  #crowdUs(running: readonly RunningShare[], kvTokens: number, { held, work, prefillUs }: Plain): number {
    const beforeUs = decodeStepsUs(held.rates, running.length, kvTokens, 1);
    const afterUs = besideUs(held, { ...work, decodeSteps: 1 }, running.length, kvTokens);
    const slower = beforeUs === 0 ? 0 : afterUs / beforeUs - 1;
    let totalUs = 0;
    for (const { startUs, expectedUs } of running) {
      const leftUs = Math.max(0, startUs + expectedUs - this.#nowUs);
      totalUs += Math.min(leftUs, prefillUs) + slower * Math.min(leftUs, work.decodeSteps * afterUs);
    }
    return totalUs / running.length;
  }
}

function toPlain(stage: VisibleModelStage, engine: EngineCosts | undefined, prefix: number): Plain | undefined {
  const held = engine?.models.get(stage.model);
  if (engine === undefined || held === undefined) return undefined;
  if (shareWork(stage, 1, 1, stage.limitTokens).kvTokens > held.kvCapacityTokens) return undefined;
  const work = shareWork(
    stage,
    stage.items,
    sideBySide(stage, held, engine.engine.batching.maxSequences),
    stage.outputTokens,
  );
  const prefillUs = sharePrefillUs(held.rates, work, stage.items, 0);
  const decodeUs = stage.kind === "embed" ? 0 : shareDecodeUs(held.rates, work);
  const leastUs = sharePrefillUs(held.rates, work, stage.items, work.sharedTokens);
  return {
    held,
    work,
    prefillUs,
    decodeUs,
    crowdUs: 0,
    perBesideUs: stage.kind === "embed" ? 0 : Math.max(0, besideUs(held, work, 1, work.contextTokens) - decodeUs),
    cachedTokens: 0,
    perTokenUs: work.sharedTokens === 0 ? 0 : (prefix * (prefillUs - leastUs)) / work.sharedTokens,
  };
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
    const key = [sortOf(engine), engine.engine.batching.kind, engine.engine.kvBytes].join();
    const number = numbers.get(key) ?? numbers.size;
    numbers.set(key, number);
    return number;
  });
  knownSorts.set(engines, sorts);
  return sorts;
}
