/**
 * How long one iteration of a batch takes on an engine: the matrix products, the experts, attention over prompts and over
 * the contexts of decoding sequences, the exchange within the group, and what every iteration pays. Products take the smooth
 * maximum of compute and memory time; those of experts take both, as measured: their many small products overlap badly. Exclusive engines, batched engines and calibration all go through here.
 * `docs/cost.md` has every formula with its symbols and units.
 */

import type { Engine, GpuKind } from "../model/cluster.ts";
import type { Model } from "../model/model.ts";
import { ownOf } from "../model/own.ts";
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
  readonly sharpness: number;
  /** Products that every token passes through. */
  readonly productUsPerToken: number;
  readonly weightUs: number;
  /** Products of the experts; both are 0 without experts. */
  readonly expertUsPerToken: number;
  readonly expertWeightUs: number;
  /** Logarithm of the probability that a token does not go to a given expert. */
  readonly expertMissLog: number;
  readonly attentionUsPerPair: number;
  readonly kvUsPerToken: number;
  /** Activations that the group exchanges, per token. */
  readonly exchangeUsPerToken: number;
  readonly iterationUs: number;
  readonly sequenceUs: number;
  readonly prefillUs: number;
  readonly mixedUs: number;
  readonly correction: ModelCorrection;
};

export function createRates(engine: Engine, gpu: GpuKind, model: Model, calibration: Calibration): Rates {
  const coefficients: Coefficients = ownOf(calibration.gpus, gpu.id) ?? calibration.generic;
  const group = engine.devices.length;
  const eightBit = model.precision === "fp8" && gpu.fp8FlopsPerSecond !== undefined;
  const peak = (eightBit ? gpu.fp8FlopsPerSecond : gpu.bf16FlopsPerSecond) ?? gpu.bf16FlopsPerSecond;
  const usPerFlop = 1e6 / (peak * group);
  const usPerByte = 1e6 / (gpu.memoryBytesPerSecond * group);
  const { experts, layers } = model;
  const expertBytes = experts?.weightBytes ?? 0;
  const commonBytes = model.weightBytes - (model.lookupBytes ?? 0) - expertBytes;
  const commonParameters =
    experts === undefined ? model.activeParameters : Math.min(model.activeParameters, parametersIn(commonBytes, model));
  const expertParameters = model.activeParameters - commonParameters;
  const exchanges = 2 * layers;
  const exchangeBytesPerToken = exchanges * model.hiddenSize * 2 * ((2 * (group - 1)) / group);
  return {
    model,
    sharpness: coefficients.sharpness,
    productUsPerToken:
      (2 * commonParameters * usPerFlop) / (eightBit ? coefficients.fp8FlopsShare : coefficients.flopsShare),
    weightUs: (commonBytes * usPerByte) / coefficients.bandwidthShare,
    expertUsPerToken:
      (2 * expertParameters * usPerFlop) /
      (eightBit ? coefficients.expertFp8FlopsShare : coefficients.expertFlopsShare),
    expertWeightUs:
      (expertBytes * usPerByte) /
      (hasFourBitExperts(model, expertParameters)
        ? coefficients.expert4BitBandwidthShare
        : coefficients.expertBandwidthShare),
    expertMissLog: experts === undefined ? 0 : Math.log1p(-experts.perToken / experts.count),
    attentionUsPerPair:
      (4 * layers * model.attentionHeads * model.headSize * 1e6) /
      (gpu.bf16FlopsPerSecond * group * coefficients.attentionFlopsShare),
    kvUsPerToken: (model.kvBytesPerToken * kvCopies(model, group) * usPerByte) / coefficients.kvBandwidthShare,
    exchangeUsPerToken: (exchangeBytesPerToken * 1e6) / (gpu.peerBytesPerSecond * coefficients.peerShare),
    iterationUs:
      coefficients.iterationUs +
      layers * coefficients.layerUs +
      (experts === undefined ? 0 : layers * coefficients.expertLayerUs) +
      exchanges * coefficients.allReduceUs * Math.log2(group),
    sequenceUs: coefficients.sequenceUs,
    prefillUs: layers * coefficients.prefillLayerUs,
    mixedUs: coefficients.mixedUs,
    correction: ownOf(calibration.models, model.id) ?? { prefill: 1, decode: 1 },
  };
}

/** Not rounded: callers round once, at the end of what they add up. */
export function iterationUs(rates: Rates, batch: Batch): number {
  const { prefillTokens, prefillPairs, prefillSequences, sequences, contextTokens } = batch;
  return iterationOfUs(rates, prefillTokens, prefillPairs, prefillSequences, sequences, contextTokens);
}

/** The same without a record made for it: planners ask by the hundred thousand. */
export function iterationOfUs(
  rates: Rates,
  prefillTokens: number,
  prefillPairs: number,
  prefillSequences: number,
  sequences: number,
  contextTokens: number,
): number {
  const tokens = prefillTokens + sequences;
  if (tokens === 0) return 0;
  let us = smoothMax(rates.productUsPerToken * tokens, rates.weightUs, rates.sharpness);
  if (rates.expertWeightUs > 0) {
    const shareHit = -Math.expm1(rates.expertMissLog * tokens);
    us += rates.expertUsPerToken * tokens + rates.expertWeightUs * shareHit;
  }
  us += rates.attentionUsPerPair * prefillPairs + rates.kvUsPerToken * (contextTokens + prefillTokens);
  us += rates.exchangeUsPerToken * tokens + rates.sequenceUs * (sequences + prefillSequences);
  us += rates.iterationUs;
  if (prefillTokens === 0) return us * rates.correction.decode;
  us += sequences > 0 ? rates.prefillUs + rates.mixedUs : rates.prefillUs;
  return us * rates.correction.prefill;
}

/** The norm of both: between the larger and the sum. */
function smoothMax(left: number, right: number, sharpness: number): number {
  const larger = Math.max(left, right);
  return larger * (1 + (Math.min(left, right) / larger) ** sharpness) ** (1 / sharpness);
}

function parametersIn(bytes: number, model: Model): number {
  return bytes / { bf16: 2, fp8: 1, int4: 0.5625 }[model.precision];
}

/** Told from the bytes: all experts have `count / perToken` times the parameters that a token passes through. */
function hasFourBitExperts({ experts }: Model, activeExpertParameters: number): boolean {
  if (experts === undefined) return false;
  return experts.weightBytes < (0.75 * activeExpertParameters * experts.count) / experts.perToken;
}

/** Each GPU of a group keeps whole KV heads: with fewer heads than GPUs, several keep the same. */
export function kvCopies(model: Model, group: number): number {
  const kvHeads = Math.floor(model.kvBytesPerToken / (4 * model.layers * model.headSize));
  return Math.max(1, group / Math.max(1, kvHeads));
}
