/** What an engine has done, counted over its life and per model as its metrics tell it. */

import type { ModelId } from "../model/model.ts";
import type { TaskTimes } from "./batch/task.ts";

export type ModelTotals = {
  finished: { stop: number; length: number; abort: number };
  promptTokens: number;
  outputTokens: number;
  prefixQueries: number;
  prefixHits: number;
  firstTokenS: Histogram;
  betweenTokensS: Histogram;
  wholeS: Histogram;
  queueS: Histogram;
  prefillS: Histogram;
  decodeS: Histogram;
};

export type Histogram = { readonly counts: number[]; sum: number; count: number };

export type Totals = {
  readonly models: Map<ModelId, ModelTotals>;
  readonly of: (model: ModelId) => ModelTotals;
  calls: number;
  refused: number;
  failed: number;
  aborted: number;
  handOffsGiven: number;
  handOffsTaken: number;
  /** Decode legs that had to take in the prompt themselves. */
  recomputed: number;
};

export const histogramBounds = [0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160];

export function createTotals(): Totals {
  const models = new Map<ModelId, ModelTotals>();
  return {
    models,
    of: (model) => {
      let totals = models.get(model);
      if (totals === undefined) models.set(model, (totals = createModelTotals()));
      return totals;
    },
    calls: 0,
    refused: 0,
    failed: 0,
    aborted: 0,
    handOffsGiven: 0,
    handOffsTaken: 0,
    recomputed: 0,
  };
}

function createModelTotals(): ModelTotals {
  return {
    finished: { stop: 0, length: 0, abort: 0 },
    promptTokens: 0,
    outputTokens: 0,
    prefixQueries: 0,
    prefixHits: 0,
    firstTokenS: createHistogram(),
    betweenTokensS: createHistogram(),
    wholeS: createHistogram(),
    queueS: createHistogram(),
    prefillS: createHistogram(),
    decodeS: createHistogram(),
  };
}

function createHistogram(): Histogram {
  return { counts: histogramBounds.map(() => 0), sum: 0, count: 0 };
}

/** `toWallUs` makes of virtual time what a client sees pass. */
export function countTask(
  totals: ModelTotals,
  { submitUs, startUs, firstTokenUs, endUs, cachedTokens }: TaskTimes,
  promptTokens: number,
  outputTokens: number,
  toWallUs: (us: number) => number,
): void {
  const seconds = (fromUs: number, toUs: number): number => toWallUs(toUs - fromUs) / 1e6;
  totals.promptTokens += promptTokens;
  totals.outputTokens += outputTokens;
  totals.prefixQueries += promptTokens;
  totals.prefixHits += cachedTokens;
  observe(totals.queueS, seconds(submitUs, startUs));
  observe(totals.firstTokenS, seconds(submitUs, firstTokenUs));
  observe(totals.prefillS, seconds(startUs, firstTokenUs));
  observe(totals.decodeS, seconds(firstTokenUs, endUs));
  observe(totals.wholeS, seconds(submitUs, endUs));
  if (outputTokens > 1) observe(totals.betweenTokensS, seconds(firstTokenUs, endUs) / (outputTokens - 1));
}

function observe(histogram: Histogram, value: number): void {
  histogram.sum += value;
  histogram.count++;
  const at = histogramBounds.findIndex((bound) => value <= bound);
  if (at !== -1) histogram.counts[at] = (histogram.counts[at] ?? 0) + 1;
}
