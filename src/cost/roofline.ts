/**
 * How long one iteration of a batch takes on an engine: the smooth maximum of compute and memory time,
 * plus what every iteration pays. Exclusive engines, batched engines and calibration all go through here.
 */

import type { Engine, GpuKind } from "../model/cluster.ts";
import { weightBytesRead, type Model } from "../model/model.ts";
import type { Calibration, Coefficients, ModelCorrection } from "./calibration.ts";

/** What one iteration works on. */
export type Batch = {
  /** Prompt tokens taken in. */
  readonly prefillTokens: number;
  /** Pairs of such a token and a token it attends to: `cached * n + n * (n + 1) / 2` per prompt. */
  readonly prefillPairs: number;
  readonly prefillSequences: number;
  /** Sequences that decode one token each. */
  readonly sequences: number;
  /** KV tokens those sequences attend to, summed. */
  readonly contextTokens: number;
};

/** A model on an engine, with everything that does not change from iteration to iteration worked out. */
export type Rates = {
  readonly model: Model;
  readonly usPerFlop: number;
  readonly usPerByte: number;
  readonly flopsPerToken: number;
  readonly flopsPerPair: number;
  readonly sharpness: number;
  readonly iterationUs: number;
  readonly sequenceUs: number;
  readonly prefillUs: number;
  readonly mixedUs: number;
  /** Activations that the group exchanges, per token. */
  readonly exchangeUsPerToken: number;
  readonly correction: ModelCorrection;
};

export function createRates(engine: Engine, gpu: GpuKind, model: Model, calibration: Calibration): Rates {
  const coefficients: Coefficients = calibration.gpus[gpu.id] ?? calibration.generic;
  const group = engine.devices.length;
  const peak = model.precision === "fp8" ? (gpu.fp8FlopsPerSecond ?? gpu.bf16FlopsPerSecond) : gpu.bf16FlopsPerSecond;
  const exchanges = 2 * model.layers;
  const exchangeBytesPerToken = exchanges * model.hiddenSize * 2 * ((2 * (group - 1)) / group);
  return {
    model,
    usPerFlop: 1e6 / (peak * group * coefficients.flopsShare),
    usPerByte: 1e6 / (gpu.memoryBytesPerSecond * group * coefficients.bandwidthShare),
    flopsPerToken: 2 * model.activeParameters,
    flopsPerPair: 4 * model.layers * model.attentionHeads * model.headSize,
    sharpness: coefficients.sharpness,
    iterationUs:
      coefficients.iterationUs +
      model.layers * coefficients.layerUs +
      exchanges * coefficients.allReduceUs * Math.log2(group),
    sequenceUs: coefficients.sequenceUs,
    prefillUs: coefficients.prefillUs,
    mixedUs: coefficients.mixedUs,
    exchangeUsPerToken: (exchangeBytesPerToken * 1e6) / gpu.peerBytesPerSecond,
    correction: calibration.models[model.id] ?? { prefill: 1, decode: 1 },
  };
}

/** Not rounded: callers round once, at the end of what they add up. */
export function iterationUs(rates: Rates, batch: Batch): number {
  const { model } = rates;
  const tokens = batch.prefillTokens + batch.sequences;
  if (tokens === 0) return 0;
  const flops = rates.flopsPerToken * tokens + rates.flopsPerPair * (batch.prefillPairs + batch.contextTokens);
  const bytes = weightBytesRead(model, tokens) + model.kvBytesPerToken * (batch.contextTokens + batch.prefillTokens);
  const workUs = smoothMax(flops * rates.usPerFlop, bytes * rates.usPerByte, rates.sharpness);
  let fixedUs = rates.iterationUs + rates.exchangeUsPerToken * tokens;
  fixedUs += rates.sequenceUs * (batch.sequences + batch.prefillSequences);
  if (batch.prefillTokens > 0) fixedUs += rates.prefillUs;
  if (batch.prefillTokens > 0 && batch.sequences > 0) fixedUs += rates.mixedUs;
  const correction = batch.prefillTokens > 0 ? rates.correction.prefill : rates.correction.decode;
  return (workUs + fixedUs) * correction;
}

function smoothMax(left: number, right: number, sharpness: number): number {
  const larger = Math.max(left, right);
  return larger * (1 + (Math.min(left, right) / larger) ** sharpness) ** (1 / sharpness);
}
