/** Which shares an iteration of a batched engine carries, and how many prompt tokens of each: worked out from the books alone. */

import { iterationUs, type Batch } from "../cost/roofline.ts";
import { mixesModels, type Batching } from "../model/cluster.ts";
import type { ModelId } from "../model/model.ts";
import type { EngineRow, ShareRow } from "./rows.ts";

export type Taken = { readonly share: ShareRow; readonly tokens: number };

export type Filling = {
  readonly prompts: readonly Taken[];
  readonly decoders: readonly ShareRow[];
};

/** The batch of a model that began at `startUs`: all that was open then, in order of admission, those included that were lost meanwhile. */
export function fillingAt(engine: EngineRow, model: ModelId, startUs: number): Filling {
  const { batching } = engine.costs.engine;
  const waiting: ShareRow[] = [];
  const decoding: ShareRow[] = [];
  for (const share of membersAt(engine, model, startUs)) {
    if (share.step === "decoding") decoding.push(share);
    else if (share.step === "prefilling" && share.promptLeft > 0) waiting.push(share);
  }
  if (batching.kind === "exclusive") return { prompts: [], decoders: [] };
  const decoders = batching.chunkedPrefill || waiting.length === 0 ? decoding : [];
  return { prompts: takePrompts(engine, batching, waiting, decoders, startUs), decoders };
}

function membersAt(engine: EngineRow, model: ModelId, startUs: number): readonly ShareRow[] {
  const running = inBatchOf(engine, model, engine.running);
  if (engine.ghosts.length === 0) return running;
  const ghosts = inBatchOf(engine, model, engine.ghosts).filter((ghost) => ghost.lostUs > startUs);
  return [...running, ...ghosts].sort((left, right) => left.startSequence - right.startSequence);
}

/** Of the engine's shares those in one batch with a model: all, or where models are mixed those of that one. */
export function inBatchOf(
  { costs }: EngineRow,
  model: ModelId | undefined,
  shares: readonly ShareRow[],
): readonly ShareRow[] {
  return mixesModels(costs.engine) ? shares.filter(({ stage }) => stage.model === model) : shares;
}

/** When the last step of that batch ended. */
export function lastStepUs({ costs, lastStepUs: ends }: EngineRow, model: ModelId): number {
  return mixesModels(costs.engine) ? (ends.get(model) ?? 0) : Math.max(0, ...ends.values());
}

/**
 * Chunked: as much as the budget leaves beside decoding, at least one token. Whole: as many as fit, the first always. Behind
 * the first, none that makes the iteration longer than `prefillUs`.
 */
function takePrompts(
  engine: EngineRow,
  batching: Extract<Batching, { kind: "batched" }>,
  waiting: readonly ShareRow[],
  decoders: readonly ShareRow[],
  startUs: number,
): Taken[] {
  const taken: Taken[] = [];
  const chunked = batching.chunkedPrefill;
  const { prefillTokens, prefillUs } = batching;
  let left = chunked ? Math.max(1, prefillTokens - sequencesOf(decoders)) : prefillTokens;
  for (const share of waiting) {
    if (chunked ? left <= 0 : taken.length > 0 && share.promptLeft > left) break;
    const tokens = chunked ? Math.min(share.promptLeft, left) : share.promptLeft;
    if (prefillUs !== undefined && taken.length > 0) {
      const batch = batchOf([...taken, { share, tokens }], decoders);
      if (iterationOf(engine, share.stage.model, batch, startUs) > prefillUs) break;
    }
    taken.push({ share, tokens });
    left -= tokens;
  }
  return taken;
}

/** What an iteration works on, as a record of it says. */
export function batchOf(prompts: readonly Taken[], decoders: readonly ShareRow[]): Batch {
  let prefillTokens = 0;
  let prefillPairs = 0;
  for (const { share, tokens } of prompts) {
    prefillTokens += tokens;
    prefillPairs += tokens * attended(share, tokens);
  }
  let contextTokens = 0;
  for (const share of decoders) contextTokens += contextOf(share);
  return {
    prefillTokens,
    prefillPairs,
    prefillSequences: prompts.length,
    sequences: sequencesOf(decoders),
    contextTokens,
  };
}

/** Tokens that each of the next `tokens` prompt tokens attends to, on average. */
function attended({ items, promptDone, work }: ShareRow, tokens: number): number {
  if (items === 1) return promptDone + (tokens + 1) / 2;
  return work === undefined ? 0 : work.sharedTokens + work.ownTokens / 2;
}

function iterationOf(engine: EngineRow, model: string, batch: Batch, startUs: number): number {
  const rates = engine.costs.models.get(model)?.rates;
  return rates === undefined ? 0 : Math.max(1, Math.round(iterationUs(rates, batch) * factorAt(engine, startUs)));
}

/** The factor in force once everything had happened at `atUs`. */
export function factorAt({ factors, factor }: EngineRow, atUs: number): number {
  return factors.findLast((change) => change.atUs <= atUs)?.factor ?? factor;
}

export function sequencesOf(shares: readonly ShareRow[]): number {
  let sequences = 0;
  for (const share of shares) sequences += share.work?.sequences ?? 0;
  return sequences;
}

/** KV tokens that a decoding share attends to: each of its sequences counts its whole context. */
function contextOf(share: ShareRow): number {
  if (share.work === undefined) return 0;
  return share.work.sequences * (share.work.contextTokens + share.written + share.stepsDone);
}

/** Tokens of each sequence that exist: the first comes with the prompt, wherever that was taken in. */
export function writtenBy({ written, step, stepsDone, phase }: ShareRow): number {
  return step === "decoding" ? written + stepsDone + (phase === "decode" ? 0 : 1) : written;
}
