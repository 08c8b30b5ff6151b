/**
 * What an engine has before it, as a projection needs it: the work and rank of each queued share, who decodes or is about to, and the
 * KV memory they will have filled.
 *
 * A book follows from what the engine has, and is made anew when its queue or its batch has changed: comparing them costs a pass over
 * references, making the book one over shares. So a plan costs what has changed since the last one, plus a few numbers per queued share.
 */

import type { Known } from "../../cost/candidate.ts";
import type { EngineCosts } from "../../cost/cost-model.ts";
import type { Rates } from "../../cost/roofline.ts";
import type { VisibleModelStage } from "../../model/visible.ts";
import type { EngineState, QueuedShare, RunningShare } from "../../state/engine-state.ts";

/** A share in line for its prompt to be taken in, or, on a decode engine, for KV memory. Rows of one table, column by column. */
export type Line = {
  length: number;
  ranks: Float64Array;
  climbs: Float64Array;
  /** What it adds to a batch that is large already. */
  workUs: Float64Array;
  /** KV tokens that it will have filled, and where: the engine that decodes, or -1. */
  kvTokens: Float64Array;
  decodesAt: Int32Array;
};

export class EngineBook {
  readonly line: Line = emptyLine(16);
  /** Started last, and perhaps not taken in yet. */
  batchStartUs = 0;
  batchUs = 0;
  /** How many prompts it has. */
  taking = 0;
  /** What runs here and decodes, or will: shares, KV tokens when each has written what is expected, and how long one takes. */
  decoders = 0;
  kvTokens = 0;
  meanDecodeUs = 0;
  /** Prompts of the batch, or whose KV is on its way, by the engine that will decode them. */
  readonly leaving = new Map<number, { count: number; kvTokens: number }>();
  readonly #costs: EngineCosts;
  #queue: readonly QueuedShare[] = [];
  #running: readonly RunningShare[] = [];
  #fresh = true;

  constructor(costs: EngineCosts) {
    this.#costs = costs;
  }

  /** Costs change when observation corrects them. */
  isFor(costs: EngineCosts): boolean {
    return costs === this.#costs;
  }

  keepUp({ cluster }: Known, engine: EngineState): void {
    if (this.#fresh || !same(this.#queue, engine.queue)) {
      this.#queue = [...engine.queue];
      this.line.length = 0;
      for (const share of this.#queue) {
        const decodesAt = share.decodeEngine === undefined ? -1 : cluster.indexOf(share.decodeEngine);
        const workUs = share.phase === "decode" ? 0 : addedPrefillUs(this.#costs, share);
        addToLine(this.line, share.rank, share.climb ?? 0, workUs, filledKvTokens(share.stage), decodesAt);
      }
    }
    if (this.#fresh || !same(this.#running, engine.running)) {
      this.#running = [...engine.running];
      this.#readBatch(cluster, engine.role === "decode");
    }
    this.#fresh = false;
  }

  #readBatch(cluster: Known["cluster"], decodesOnly: boolean): void {
    this.batchStartUs = 0;
    this.batchUs = 0;
    this.taking = 0;
    this.decoders = 0;
    this.kvTokens = 0;
    this.leaving.clear();
    let decodeUs = 0;
    for (const share of this.#running)
      if (takesIn(share)) this.batchStartUs = Math.max(this.batchStartUs, share.startUs);
    for (const share of this.#running) {
      const kvTokens = filledKvTokens(share.stage);
      if (!decodesOnly && takesIn(share)) {
        this.taking += 1;
        this.batchUs += addedPrefillUs(this.#costs, share);
      }
      if (share.phase === "prefill") {
        if (share.decodeEngine === undefined) continue;
        const at = cluster.indexOf(share.decodeEngine);
        const sum = this.leaving.get(at);
        if (sum === undefined) this.leaving.set(at, { count: 1, kvTokens });
        else {
          sum.count += 1;
          sum.kvTokens += kvTokens;
        }
        continue;
      }
      this.decoders += 1;
      this.kvTokens += kvTokens;
      decodeUs += share.expectedUs;
    }
    if (this.batchUs > 0) this.batchUs += fixedUs(this.#costs, this.#running[0]?.stage.model ?? "");
    this.meanDecodeUs = this.decoders === 0 ? 0 : decodeUs / this.decoders;
  }
}

/** Its prompt is being taken in, or is about to be. */
function takesIn({ phase, prefilledUs }: RunningShare): boolean {
  return phase !== "decode" && prefilledUs === undefined;
}

function same(left: readonly unknown[], right: readonly unknown[]): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

export function emptyLine(capacity: number): Line {
  return {
    length: 0,
    ranks: new Float64Array(capacity),
    climbs: new Float64Array(capacity),
    workUs: new Float64Array(capacity),
    kvTokens: new Float64Array(capacity),
    decodesAt: new Int32Array(capacity),
  };
}

export function addToLine(
  line: Line,
  rank: number,
  climb: number,
  workUs: number,
  kvTokens: number,
  decodesAt: number,
): void {
  const at = line.length;
  if (at === line.ranks.length) grow(line);
  line.ranks[at] = rank;
  line.climbs[at] = climb;
  line.workUs[at] = workUs;
  line.kvTokens[at] = kvTokens;
  line.decodesAt[at] = decodesAt;
  line.length += 1;
}

function grow(line: Line): void {
  const larger = emptyLine(2 * line.ranks.length);
  for (const column of ["ranks", "climbs", "workUs", "kvTokens", "decodesAt"] as const) {
    larger[column].set(line[column]);
    Object.assign(line, { [column]: larger[column] });
  }
}

/** Prompt and expected output, all items. */
export function filledKvTokens({ kind, promptTokens, outputTokens }: VisibleModelStage): number {
  return promptTokens + (kind === "embed" ? 0 : outputTokens);
}

/** Work that one batch takes in. */
export function batchWorkUs({ engine: { batching } }: EngineCosts, rates: Rates): number {
  if (batching.kind === "exclusive") return 0;
  const tokensUs = batching.prefillTokens * (rates.productUsPerToken + rates.expertUsPerToken);
  return Math.max(1, Math.min(tokensUs, batching.prefillUs ?? Infinity));
}

/** What every batch with prompts pays once. */
export function fixedUs(costs: EngineCosts, model: string): number {
  const rates = costs.models.get(model)?.rates;
  return rates === undefined ? 0 : (rates.iterationUs + rates.prefillUs) * rates.correction.prefill;
}

/**
 * What a queued prompt adds to a batch. Its placement says what it takes alone, cached prefix counted; alone it also pays what every
 * batch pays, and the reading of the weights behind which its products hide.
 */
function addedPrefillUs(costs: EngineCosts, share: QueuedShare): number {
  const { stage, expectedUs, phase } = share;
  const rates = costs.models.get(stage.model)?.rates;
  if (rates === undefined) return 0;
  if (costs.engine.batching.kind === "exclusive") return expectedUs;
  // Of a share that decodes here too, what it takes in is not told apart: the whole prompt, at most what is expected of both.
  const most = promptUs(rates, stage.promptTokens);
  const aloneUs = phase === "whole" ? Math.min(most, expectedUs) : expectedUs;
  return Math.min(most, addedUs(rates, aloneUs));
}

function promptUs(rates: Rates, tokens: number): number {
  return (
    (rates.productUsPerToken + rates.expertUsPerToken + rates.exchangeUsPerToken) * tokens * rates.correction.prefill
  );
}

/** Inverse of the smooth maximum by which the products of one prompt hide behind the weights. */
export function addedUs(rates: Rates, aloneUs: number): number {
  const { sharpness, weightUs, expertWeightUs, correction } = rates;
  const us = aloneUs / correction.prefill - rates.iterationUs - rates.prefillUs - expertWeightUs;
  const excess = us <= weightUs ? 0 : (us ** sharpness - weightUs ** sharpness) ** (1 / sharpness);
  return Math.max(excess, 0.1 * weightUs) * correction.prefill;
}
