/**
 * What a mean call would take were the engines split into prefill and decode in some way: the wait for prompts in front of it a while
 * from now, its own prompt, and its decoding in batches as large as the stream of calls makes them.
 *
 * Engines of one make are counted, not told apart, so that a split costs the same however many there are.
 */

import type { ModelCosts } from "../../cost/cost-model.ts";
import { decodeStepsUs } from "../../cost/decode.ts";

/** Engines of one make, by what they do or are about to do. */
export type Sort = {
  readonly held: ModelCosts;
  readonly maxSequences: number;
  readonly prefill: number;
  readonly decode: number;
};

/** What comes per microsecond. */
export type Stream = {
  readonly calls: number;
  readonly newTokens: number;
  readonly outputTokens: number;
  /** Of each call the KV that its decoding reads, times the tokens that it writes. */
  readonly heldTokens: number;
  /** Prompt tokens that wait now. */
  readonly backlogTokens: number;
  /** What comes of the calls that wait: how many they are, and their output and held tokens. */
  readonly backlog: { readonly calls: number; readonly outputTokens: number; readonly heldTokens: number };
  /** What a backlog costs those who wait; all the time that it takes if absent. */
  readonly holdUpUs?: HoldUp;
};

/** Of so many prompt tokens, taken in at so many per microsecond. Microseconds. */
export type HoldUp = (tokens: number, pace: number) => number;

export type SplitSettings = {
  /** So far ahead the wait is foreseen. */
  readonly aheadUs: number;
  /** Prefill is to be no busier than this with what comes. */
  readonly busiest: number;
  /** An engine decodes side by side no more than this part of its places and KV memory; what is beyond waits. */
  readonly fullest: number;
  /** All that prefill sends at its full pace is to take no more than this part of the KV memory that decodes. Absent: what waits is decoded as prefill takes it in. */
  readonly sendable?: number;
};

/** Microseconds; infinite if a phase has no engine. At least one call must have come. */
export function splitUs(sorts: readonly Sort[], stream: Stream, settings: SplitSettings): number {
  const { sendable } = settings;
  if (sendable === undefined) return drainedUs(sorts, stream, settings);
  const { calls, newTokens, outputTokens, backlogTokens } = stream;
  const pace = paceOf(sorts);
  if (pace === 0) return Infinity;
  const wanted = newTokens / settings.busiest;
  const waitUs = Math.max(0, backlogTokens + (wanted - pace) * settings.aheadUs) / pace;
  const promptUs = (newTokens / calls) * meanTokenUs(sorts, Math.min(pace, wanted));
  // No more comes to be decoded than is taken in.
  const stepUs = decodeStepUs(sorts, stream, outputTokens * Math.min(1, pace / newTokens), settings.fullest);
  const totalUs = waitUs + promptUs + (stepUs * outputTokens) / calls;
  return totalUs * Math.max(1, sentShare(sorts, stream, (pace / newTokens) * stepUs) / sendable);
}

/** Of its pace with large batches, what prefill reaches with small ones, in which some of what was cached elsewhere is taken in again. */
const usual = 0.75;
/** Of what prefill takes in at that pace, what was seen to be decoded meanwhile. */
const reached = 0.8;

/**
 * The same, with what waits as part of what is taken in and decoded for a while from now. What comes faster than it is taken in holds
 * everybody up in the end, whoever can wait now.
 */
function drainedUs(sorts: readonly Sort[], stream: Stream, { aheadUs, busiest, fullest }: SplitSettings): number {
  const { newTokens, backlogTokens, backlog, holdUpUs = (tokens, at) => tokens / at } = stream;
  const pace = usual * paceOf(sorts);
  if (pace === 0) return Infinity;
  const wanted = newTokens / busiest;
  const growth = (wanted - pace) * aheadUs;
  const left = Math.max(0, backlogTokens + Math.min(0, growth));
  const waitUs = holdUpUs(left, pace) + Math.max(0, growth) / pace;
  const all = newTokens * aheadUs + backlogTokens;
  const calls = stream.calls * aheadUs + backlog.calls;
  const outputTokens = stream.outputTokens * aheadUs + backlog.outputTokens;
  const heldTokens = stream.heldTokens * aheadUs + backlog.heldTokens;
  const promptUs = (all / calls) * meanTokenUs(sorts, Math.min(pace, wanted));
  const writtenTokens = (outputTokens / all) * reached * Math.min(pace, all / aheadUs);
  const stepUs = decodeStepUs(sorts, { outputTokens, heldTokens }, writtenTokens, fullest);
  return waitUs + promptUs + (stepUs * outputTokens) / calls;
}

/**
 * What each of `count` engines of one make holds, at their mean speed: that of `held` is the mean of all but one, which holds `last`.
 * Told apart by what was seen of them, each would be a sort of its own, and a split no longer cost the same however many there are.
 */
export function atMeanSpeed(held: ModelCosts, last: ModelCosts, count: number): ModelCosts {
  const { correction } = held.rates;
  const { prefill, decode } = last.rates.correction;
  if (prefill === correction.prefill && decode === correction.decode) return held;
  const mean = (before: number, next: number): number => 1 / (1 / before + (1 / next - 1 / before) / count);
  const both = { prefill: mean(correction.prefill, prefill), decode: mean(correction.decode, decode) };
  return { ...held, rates: { ...held.rates, correction: both } };
}

/** Prompt tokens that all take in together per microsecond. */
export function paceOf(sorts: readonly Sort[]): number {
  let pace = 0;
  for (const { held, prefill } of sorts) pace += prefill / tokenUs(held);
  return pace;
}

export function tokenUs({ rates }: ModelCosts): number {
  return (rates.productUsPerToken + rates.expertUsPerToken + rates.exchangeUsPerToken) * rates.correction.prefill;
}

/** Where the fastest engines take what they can. */
function meanTokenUs(sorts: readonly Sort[], pace: number): number {
  let left = pace;
  let engines = 0;
  for (const { held, prefill } of [...sorts].sort((one, other) => tokenUs(one.held) - tokenUs(other.held))) {
    const used = Math.min(prefill, left * tokenUs(held));
    engines += used;
    left -= used / tokenUs(held);
  }
  return engines / pace;
}

/** Of the KV memory of decode engines: what is there for `us` of the stream. */
function sentShare(sorts: readonly Sort[], { heldTokens }: Stream, us: number): number {
  let capacity = 0;
  for (const { held, decode } of sorts) capacity += decode * held.kvCapacityTokens;
  return (heldTokens * us) / Math.max(1, capacity);
}

const rounds = 3;
const parts = 12;

/**
 * One iteration, where calls go to the engines on which it is shortest. How many decode side by side follows from how long an
 * iteration takes, and the other way about: a few rounds settle it.
 */
function decodeStepUs(
  sorts: readonly Sort[],
  { outputTokens, heldTokens }: Pick<Stream, "outputTokens" | "heldTokens">,
  writtenTokens: number,
  fullest: number,
): number {
  if (outputTokens === 0) return 0;
  const meanTokens = heldTokens / outputTokens;
  const decoders = sorts
    .filter(({ decode }) => decode > 0)
    .map(({ held, maxSequences, decode }) => ({
      count: decode,
      room: fullest * Math.min(maxSequences, held.kvCapacityTokens / meanTokens),
      stepUs: (sequences: number) => decodeStepsUs(held.rates, sequences, sequences * meanTokens, 1),
      sequences: 0,
    }));
  if (decoders.length === 0) return Infinity;
  let meanUs = Math.max(...decoders.map(({ stepUs }) => stepUs(1)));
  for (let round = 0; round < rounds; round++) {
    const partOfAll = (writtenTokens * meanUs) / parts;
    for (const decoder of decoders) decoder.sequences = 0;
    meanUs = 0;
    for (let part = 0; part < parts; part++) {
      let best = decoders[0];
      let bestUs = Infinity;
      for (const decoder of decoders) {
        const sequences = decoder.sequences + partOfAll / decoder.count;
        // Where there is no room a sequence waits as long as another one stays.
        const us = decoder.stepUs(Math.max(1, sequences)) * Math.max(1, sequences / decoder.room);
        if (us >= bestUs) continue;
        best = decoder;
        bestUs = us;
      }
      if (best !== undefined) best.sequences += partOfAll / best.count;
      meanUs += bestUs / parts;
    }
  }
  return meanUs;
}
