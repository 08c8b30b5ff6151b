/**
 * What a token adds to the time of an engine at least, whatever batch it is in. An iteration costs
 *
 *     G(t) + pairs + KV read + sequences,   G(t) = |products(t), weights| + experts(t) + exchange(t) + what each iteration costs
 *
 * for `t` tokens, and all but G is linear in what is in it. G(t)/t falls with t: a norm of (p t, W) over t is that of (p, W/t), the
 * share of experts that t tokens hit is concave, and the rest is fixed. So G(t) >= t * G(T)/T for every t up to the most tokens T
 * that an iteration of this engine can have: a token costs no less than in the fullest iteration. Where KV memory holds K tokens
 * and a decoding batch attends to c <= K of them, G(t) >= G's fixed part * c/K as well, and decoding may pay by context instead.
 *
 * Durations of iterations are rounded, by half a microsecond at most, which is taken off as a share of the shortest.
 */

import type { EngineCosts, ModelCosts } from "../../cost/cost-model.ts";
import { iterationUs, type Rates } from "../../cost/roofline.ts";
import type { Work } from "./work.ts";

/** Engine time that each phase of some work takes at least. */
export type LeastRates = {
  readonly prefillUs: (work: Work) => number;
  readonly decodeUs: (work: Work) => number;
};

/** `all`: everything that the run has to do. */
export function leastRates({ engine }: EngineCosts, { rates, kvCapacityTokens }: ModelCosts, all: Work): LeastRates {
  const { batching, role } = engine;
  const budget = batching.kind === "batched" ? batching.prefillTokens : 0;
  // Of prompts that go in whole, the first goes in however long it is.
  const prompts = role === "decode" ? 0 : Math.max(budget, all.longestPromptTokens);
  const most = prompts + (role === "prefill" ? 0 : batching.maxSequences);
  const fixedUs = role === "prefill" ? rates.prefillUs : 0;
  const tokenUs = (groundUs(rates, most) + fixedUs) / most;
  const { prefill, decode } = rates.correction;
  const share = Math.min(prefill, decode) * (1 - 0.5 / (rates.iterationUs * Math.min(prefill, decode)));

  const prefillUs = (work: Work): number =>
    share *
    (work.prefillTokens * (tokenUs + rates.kvUsPerToken) +
      work.prefillPairs * rates.attentionUsPerPair +
      work.prompts * rates.sequenceUs);
  const byToken = (work: Work): number =>
    share * (work.decodeTokens * (tokenUs + rates.sequenceUs) + work.contextTokens * rates.kvUsPerToken);
  const byContext = (work: Work): number =>
    share *
    (work.decodeTokens * (linearUs(rates) + rates.sequenceUs) +
      work.contextTokens * (rates.kvUsPerToken + leastGroundUs(rates) / kvCapacityTokens));
  // One of both for all work: each is right, their larger one by workflow would not be.
  const paysByContext = role === "decode" && byContext(all) > byToken(all);
  return { prefillUs, decodeUs: paysByContext ? byContext : byToken };
}

/** G of so many tokens. */
function groundUs(rates: Rates, tokens: number): number {
  const batch = { prefillTokens: 0, prefillPairs: 0, prefillSequences: 0, contextTokens: 0, sequences: tokens };
  return iterationUs(rates, batch) / rates.correction.decode - rates.sequenceUs * tokens;
}

/** The part of G that is there with one token, without what grows by the token. */
function leastGroundUs(rates: Rates): number {
  return rates.weightUs + rates.iterationUs - rates.expertWeightUs * Math.expm1(rates.expertMissLog);
}

/** The part of G that grows by the token beside that. */
function linearUs(rates: Rates): number {
  return rates.expertUsPerToken + rates.exchangeUsPerToken;
}
